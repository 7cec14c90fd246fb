import type { Db } from '../store/store.js'
import { type AuditEntry, record } from './audit.js'

type Refusal = Omit<AuditEntry, 'outcome' | 'times'>

interface Known {
  readonly refusal: Refusal
  /** How often since it was last written. */
  times: number
  /** When a row was last written, on the steady clock in milliseconds; null before the first. */
  written: number | null
}

const everyMs = 500
/** The same refusal is written at once and then at most once in this time, with how often it was repeated. */
const repeatMs = 60_000
/** Different refusals at a time; what is beyond is counted together. */
const most = 1000

/** Refusals on their way to the audit: whoever is refused a thousand times a second must not fill the disk. */
export class Refusals {
  readonly #db: Db
  readonly #failed: (error: unknown) => void
  readonly #known = new Map<string, Known>()
  readonly #timer: NodeJS.Timeout
  #writing: Promise<void> = Promise.resolve()

  constructor(db: Db, failed: (error: unknown) => void) {
    this.#db = db
    this.#failed = failed
    this.#timer = setInterval(() => void this.flush(performance.now()), everyMs)
    this.#timer.unref()
  }

  note(refusal: Refusal): void {
    const { actor, action, target } = refusal
    const key = `${actor.kind} ${actor.id} ${actor.address} ${action} ${target}`
    const known = this.#known.get(key)
    if (known) known.times++
    else if (this.#known.size < most) this.#known.set(key, { refusal, times: 1, written: null })
    else this.#noteOthers()
  }

  #noteOthers(): void {
    const others = this.#known.get('others')
    if (others) others.times++
    else {
      const actor = { kind: 'anonymous', id: null, address: null, request_id: null } as const
      this.#known.set('others', { refusal: { actor, action: 'others' }, times: 1, written: null })
    }
  }

  /** Writes what is due. @param now on the steady clock; Infinity for everything */
  flush(now: number): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write(now)).catch(this.#failed)
    return this.#writing
  }

  async #write(now: number): Promise<void> {
    const due: AuditEntry[] = []
    for (const [key, known] of this.#known) {
      if (known.written !== null && now - known.written < repeatMs) continue
      if (known.times === 0) this.#known.delete(key)
      else due.push({ ...known.refusal, outcome: 'refused', times: known.times })
      known.times = 0
      known.written = now
    }
    if (due.length === 0) return
    await this.#db.transaction().execute(async tx => {
      for (const entry of due) await record(tx, entry)
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush(Number.POSITIVE_INFINITY)
  }
}
