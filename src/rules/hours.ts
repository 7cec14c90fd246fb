import { Cron } from 'croner'
import { z } from 'zod'

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is no time of the day like 22:30')

export const activeHours = z
  .strictObject({
    days: z
      .array(z.enum(days))
      .min(1)
      .max(7)
      .default([...days])
      .describe('On which they begin'),
    from: clock,
    to: clock.describe('On the next day where it is not later than `from`'),
  })
  .describe('When an alert may be raised, in the home’s time zone')
export type ActiveHours = z.infer<typeof activeHours>

const dayMinutes = 24 * 60
const minutesOf = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))

/**
 * The hours at which a rule may raise its alert, by the clock on the wall: on the day that clocks change they are an hour longer or shorter, and
 * what would begin in the hour that is left out begins at its end.
 */
export class Hours {
  readonly #from: number
  readonly #length: number
  readonly #days: ReadonlySet<number>
  readonly #begins: Cron
  readonly #wall: Intl.DateTimeFormat
  /** Known not to be active from the first time until the second. */
  #closed: readonly [from: number, until: number] = [0, 0]

  constructor({ days: named, from, to }: ActiveHours, timezone: string) {
    this.#from = minutesOf(from)
    this.#length = (minutesOf(to) - this.#from + dayMinutes) % dayMinutes || dayMinutes
    this.#days = new Set(named.map(day => days.indexOf(day)))
    const line = `${this.#from % 60} ${Math.floor(this.#from / 60)} * * ${[...this.#days].join(',')}`
    this.#begins = new Cron(line, { timezone, mode: '5-part', paused: true })
    this.#wall = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
    })
  }

  /** @returns `at` itself when it lies within the hours, else when they begin next; milliseconds since 1970 */
  next(at: number): number {
    const [from, until] = this.#closed
    if (at >= from && at < until) return until
    if (this.#isActive(at)) return at
    const begins = this.#begins.nextRun(new Date(at))?.getTime() ?? Number.POSITIVE_INFINITY
    this.#closed = [at, begins]
    return begins
  }

  #isActive(at: number): boolean {
    const parts = Object.fromEntries(this.#wall.formatToParts(at).map(({ type, value }) => [type, value]))
    const day = days.indexOf((parts.weekday ?? '').toLowerCase() as (typeof days)[number])
    const minute = Number(parts.hour) * 60 + Number(parts.minute)
    const sinceToday = minute - this.#from
    const within = (since: number, begun: number) => since >= 0 && since < this.#length && this.#days.has(begun)
    return within(sinceToday, day) || within(sinceToday + dayMinutes, (day + 6) % 7)
  }
}
