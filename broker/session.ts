import type { Subscription } from 'aedes'
import type { Principal } from '../src/principal.js'
import type { Connection } from './connection.js'

/** What of an Aedes client a session is found, or made, by. */
export interface SessionClient {
  readonly id: string | null
  readonly req?: Pick<Connection, 'principal' | 'home'>
}

/** Whose a session is: it ends with them. */
export interface Owner {
  readonly kind: Principal['kind'] | null
  readonly device_id: string | null
  readonly user_id: string | null
  readonly token_id: string | null
}

/** A session as it is in memory. Made for every client that wants one, so it holds nothing of what waits. */
export interface Session {
  /** Its row. */
  readonly num: number
  /** The client id. */
  readonly id: string
  readonly owner: Owner
  /** `homes/{home_id}/` before what a device says, '' for everybody else. */
  home: string
  /** By filter, with the mount on. */
  readonly subs: Map<string, Subscription>
  /** Messages that wait, and their payloads' bytes. */
  waiting: number
  bytes: number
  /** Milliseconds since 1970; null while the client is here. */
  away_since: number | null
  /** What was sent and not acknowledged, by packet identifier. Empty while the client is away. */
  readonly sent: Map<number, { readonly seq: number; size: number }>
  /** QoS 2 messages received and not released: each with what settles when it is kept. */
  readonly incoming: Map<number, Promise<void>>
  /** The last write. */
  written: Promise<unknown> | null
  /** What may not be heard any more is being taken from it. */
  narrowing: Promise<void> | null
  /** When it was last logged that it is full. */
  warned_at: number
}

export const newSession = (named: Pick<Session, 'num' | 'id' | 'owner' | 'home'>): Session => ({
  ...named,
  subs: new Map(),
  waiting: 0,
  bytes: 0,
  away_since: null,
  sent: new Map(),
  incoming: new Map(),
  written: null,
  narrowing: null,
  warned_at: 0,
})

const nobody: Owner = { kind: null, device_id: null, user_id: null, token_id: null }

export function ownerOf(principal: Principal | null): Owner {
  switch (principal?.kind) {
    case 'device':
      return { ...nobody, kind: 'device', device_id: principal.id }
    case 'person':
      // The operator at the command line is nobody in the store
      return { ...nobody, kind: 'person', user_id: principal.session_id === null ? null : principal.id }
    case 'service':
      return { ...nobody, kind: 'service', token_id: principal.id }
    default:
      return nobody
  }
}

const sessionsOfAPerson = 20
const sessionsOfAProgram = 1000

/** How many sessions an owner may have, and by which name theirs are known; null where the client id allows no more than one. */
export function mostOf({ user_id, token_id }: Owner): { name: keyof Owner; count: number } | null {
  if (user_id !== null) return { name: 'user_id', count: sessionsOfAPerson }
  return token_id === null ? null : { name: 'token_id', count: sessionsOfAProgram }
}

/** Remembers the last write to a session: whoever reads it waits for that. */
export function written<T>(session: Session, writing: Promise<T>): Promise<T> {
  session.written = writing
  return writing
}
