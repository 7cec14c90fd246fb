import { lastRun, nextRun } from '../commands/schedules.js'
import type { QuietHours } from './policies.js'

/** A time of day as a cron line. */
const lineOf = (clock: string, days: string) => `${Number(clock.slice(3))} ${Number(clock.slice(0, 2))} * * ${days}`

/**
 * Until when quiet hours last that have begun; null when there are none now. An hour that daylight saving leaves out begins and ends at its end.
 * @param now milliseconds since 1970
 */
export function quietUntil({ from, to, days }: QuietHours, timezone: string, now: number): number | null {
  const begins = { at: null, cron: lineOf(from, days?.join() ?? '*'), timezone }
  const begun = lastRun(begins, 0, now)
  if (begun === 0) return null
  const ends = nextRun({ at: null, cron: lineOf(to, '*'), timezone }, begun)
  return ends !== null && ends > now ? ends : null
}
