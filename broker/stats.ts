import type { Reason } from '../src/inbound.js'

/** Counters since the start; `connections`, `devices`, `sessions` and `pending` are as of now. */
export interface Stats {
  connections: number
  devices: number
  pending: number
  messages_in: number
  messages_out: number
  bytes_in: number
  dropped_slow: number
  /** Kept sessions. */
  sessions: number
  dropped_queue_full: number
  retained_refused: number
  refused: Record<string, number>
  closed: Partial<Record<Reason, number>>
}

export const newStats = (): Stats => ({
  connections: 0,
  devices: 0,
  pending: 0,
  messages_in: 0,
  messages_out: 0,
  bytes_in: 0,
  dropped_slow: 0,
  sessions: 0,
  dropped_queue_full: 0,
  retained_refused: 0,
  refused: {},
  closed: {},
})
