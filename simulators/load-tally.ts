import { Histogram } from './histogram.js'

/** How a load is going, or went. With `connect` an acknowledgement is a CONNACK, with `publish` a PUBACK; with `idle` there are none. */
export interface LoadReport {
  readonly mode: string
  /** Connections open at the time of the report. */
  readonly connected: number
  /** Connections that were refused or could not be made. */
  readonly failed: number
  /** Connections that ended by themselves. */
  readonly lost: number
  /** Connections made a second, while they were being made. */
  readonly connects_per_second: number
  readonly acknowledged: number
  /** At the end over all the time measured, in a status since the one before. */
  readonly per_second: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  /** The time measured, without connecting. */
  readonly seconds: number
  /** Why a connection last failed or was lost. */
  readonly last_error: string | null
}

/** What one run counts. The clock of the measured time starts with `begin`, which forgets what was acknowledged before. */
export class LoadTally {
  connected = 0
  failed = 0
  lost = 0
  connects_per_second = 0
  latencies = new Histogram()
  readonly #mode: string
  #lastError: string | null = null
  #begun = { at: performance.now(), acknowledged: 0 }
  #told = this.#begun

  constructor(mode: string) {
    this.#mode = mode
  }

  begin(): void {
    this.latencies = new Histogram()
    this.#begun = { at: performance.now(), acknowledged: 0 }
    this.#told = this.#begun
  }

  note(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message || error.name : String(error)
  }

  /** The figures over all the time measured. */
  total(): LoadReport {
    return this.#report(this.#begun)
  }

  /** The figures, with the rate since the last time this was asked. */
  live(): LoadReport {
    const report = this.#report(this.#told)
    this.#told = { at: performance.now(), acknowledged: report.acknowledged }
    return report
  }

  #report(since: { at: number; acknowledged: number }): LoadReport {
    const { connected, failed, lost, latencies } = this
    const now = performance.now()
    const gained = latencies.count - since.acknowledged
    return {
      mode: this.#mode,
      connected,
      failed,
      lost,
      connects_per_second: Math.round(this.connects_per_second),
      acknowledged: latencies.count,
      per_second: Math.round((gained * 1000) / Math.max(1, now - since.at)),
      p50_ms: toMicros(latencies.percentile(0.5)),
      p99_ms: toMicros(latencies.percentile(0.99)),
      max_ms: toMicros(latencies.max_ms),
      seconds: toMicros((now - this.#begun.at) / 1000),
      last_error: this.#lastError,
    }
  }
}

const toMicros = (value: number) => Math.round(value * 1000) / 1000
