import type { Db } from '../store/store.js'
import { type Actor, type AuditEntry, record } from './audit.js'

type Refusal = Omit<AuditEntry, 'outcome' | 'times'>

interface Known {
  readonly refusal: Refusal
  readonly who: string
  /** How often since it was last written. */
  times: number
  /** When a row was last written, on the steady clock in milliseconds; null before the first. */
  written: number | null
}

const nameOf = ({ kind, id, address }: Actor) => `${kind} ${id} ${address}`
const nobody = { kind: 'anonymous', id: null, address: null, request_id: null } as const

const everyMs = 500
/** The same refusal is written at once and then at most once in this time, with how often it was repeated. */
const repeatMs = 60_000
/** Different refusals of one actor in that time; what is beyond is counted together, under the actor's name. */
const mostOfOne = 200
/** Of everybody at a time; beyond that nobody is told from anybody. */
const most = 10_000

/** Refusals on their way to the audit: whoever is refused a thousand times a second must not fill the disk. */
export class Refusals {
  readonly #db: Db
  readonly #failed: (error: unknown) => void
  readonly #known = new Map<string, Known>()
  /** How many different refusals of each actor are known. */
  readonly #kinds = new Map<string, number>()
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
    const who = nameOf(actor)
    const counted = this.#count(`${who} ${action} ${target}`) || this.#count(`${who} others`)
    if (counted) return
    const kinds = this.#kinds.get(who) ?? 0
    if (this.#known.size >= most) this.#add('others', { ...refusal, actor: nobody, action: 'others', target: null })
    else if (kinds >= mostOfOne) this.#add(`${who} others`, { ...refusal, action: 'others', target: null })
    else this.#add(`${who} ${action} ${target}`, refusal)
  }

  #count(key: string): boolean {
    const known = this.#known.get(key)
    if (known) known.times++
    return known !== undefined
  }

  #add(key: string, refusal: Refusal): void {
    if (this.#count(key)) return
    const who = nameOf(refusal.actor)
    this.#known.set(key, { refusal, who, times: 1, written: null })
    this.#kinds.set(who, (this.#kinds.get(who) ?? 0) + 1)
  }

  #forget(key: string, { who }: Known): void {
    this.#known.delete(key)
    const left = (this.#kinds.get(who) ?? 1) - 1
    if (left > 0) this.#kinds.set(who, left)
    else this.#kinds.delete(who)
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
      if (known.times === 0) this.#forget(key, known)
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
