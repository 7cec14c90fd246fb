import type { Store } from '../store/store.js'
import { type Entry, readers } from './import-lines.js'
import { linesOf } from './lines.js'

/** Why a line was not taken. */
interface Refused {
  readonly line: number
  readonly message: string
}

interface Outcome {
  /** Lines that are stored; a sample that was there already (D8) is one of them. */
  readonly imported: number
  /** The first 20. */
  readonly refused: Refused[]
  readonly refused_count: number
}

type Points = Extract<Entry, { points: readonly string[] }>

const maxTold = 20
/** Of points in one message: a device's own may hold 1000, of which a line is one or, with very many fields, ten. */
const maxPoints = 500
/** Of a message, in characters; one line may have as many again as a message may have. */
const maxMessage = 64 * 1024

/**
 * Stores the samples of a file as a device's own, while it comes: no more is read than has been stored. (device, ts) is one point (D8), so
 * a file may be imported again. Lines that cannot be read or stored are told, and the others stored all the same.
 * @throws HubError `invalid_request` when a CSV has no header; whatever `pieces` and the store throw, and then what came before is stored
 */
export async function importReadings(
  store: Pick<Store, 'append'>,
  device_num: number,
  format: keyof typeof readers,
  pieces: AsyncIterable<Buffer>,
): Promise<Outcome> {
  const reader = readers[format]()
  const taken = new Importing(store, device_num)
  for await (const lines of linesOf(pieces)) {
    for (const line of lines) for (const entry of reader.take(line)) await taken.add(entry)
  }
  for (const entry of reader.end()) await taken.add(entry)
  return taken.end()
}

class Importing {
  readonly #store: Pick<Store, 'append'>
  readonly #device_num: number
  readonly #refused: Refused[] = []
  #imported = 0
  #refusedCount = 0
  #waiting: Entry[] = []
  #points = 0
  #length = 0

  constructor(store: Pick<Store, 'append'>, device_num: number) {
    this.#store = store
    this.#device_num = device_num
  }

  async add(entry: Entry): Promise<void> {
    const points = 'points' in entry ? entry.points : []
    const length = points.reduce((sum, point) => sum + point.length, 0)
    if (this.#waiting.length > 0 && this.#length + length > maxMessage) await this.#flush()
    this.#waiting.push(entry)
    this.#points += Math.max(1, points.length)
    this.#length += length
    if (this.#points >= maxPoints) await this.#flush()
  }

  async end(): Promise<Outcome> {
    await this.#flush()
    return { imported: this.#imported, refused: this.#refused, refused_count: this.#refusedCount }
  }

  async #flush(): Promise<void> {
    const entries = this.#waiting
    this.#waiting = []
    this.#points = 0
    this.#length = 0
    const refused: Refused[] = entries.flatMap(entry => ('message' in entry ? entry : []))
    await this.#keep(
      entries.flatMap(entry => ('points' in entry ? entry : [])),
      refused,
    )
    this.#refusedCount += refused.length
    const first = refused.sort((one, other) => one.line - other.line).slice(0, maxTold - this.#refused.length)
    this.#refused.push(...first)
  }

  /** A message is refused whole, so one that is refused is halved until the line is found at which it lies. */
  async #keep(lines: readonly Points[], refused: Refused[]): Promise<void> {
    const [first] = lines
    if (!first) return
    const message = await this.#append(lines.flatMap(({ points }) => points))
    if (message === null) {
      this.#imported += lines.length
    } else if (lines.length === 1) {
      refused.push({ line: first.line, message })
    } else {
      const middle = Math.ceil(lines.length / 2)
      await this.#keep(lines.slice(0, middle), refused)
      await this.#keep(lines.slice(middle), refused)
    }
  }

  #append(points: readonly string[]): Promise<string | null> {
    const payload = Buffer.from(`[${points.join(',')}]`)
    const origin = { device_num: this.#device_num, received_at: Date.now(), message_id: null, dup: false, strict: true }
    return new Promise((resolve, reject) => {
      this.#store.append({ ...origin, payload }, (error, why) => (error ? reject(error) : resolve(why)))
    })
  }
}
