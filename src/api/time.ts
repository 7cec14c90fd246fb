const units: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
/** The end of the year 9999: later than that ISO 8601 has no plain notation. */
export const endOfTime = Date.UTC(10_000, 0, 1)

const isoPattern = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * Reads a moment as people write it: integer milliseconds since 1970, ISO 8601 (UTC where no offset is given), `now`, or counted from
 * now like `-90s`, `-15m`, `-1h`, `-7d`, `-2w`, `+1h`.
 * @param now milliseconds since 1970
 * @returns milliseconds since 1970, from 0 to the end of the year 9999; null when it is none of these
 */
export function parseTime(text: string, now: number): number | null {
  // In a query an unescaped + arrives as a space.
  const written = text.replace(/^ (?=\d)/, '+').replace(/ (?=\d\d:\d\d$)/, '+')
  const moment = parseNumber(written) ?? parseRelative(written, now) ?? parseIso(written)
  return moment !== null && moment >= 0 && moment < endOfTime ? moment : null
}

const parseNumber = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : null)

function parseRelative(text: string, now: number): number | null {
  if (text === 'now') return now
  const [, sign, count, unit = ''] = /^([+-])(\d{1,9})([smhdw])$/.exec(text) ?? []
  const ms = units[unit]
  return ms === undefined ? null : now + (sign === '-' ? -1 : 1) * Number(count) * ms
}

function parseIso(text: string): number | null {
  const [, year, month, day, time, , , offset] = isoPattern.exec(text) ?? []
  if (year === undefined) return null
  // Date.parse takes a time without an offset for local time, and the 30th of February for the 2nd of March.
  const midnight = new Date(`${year}-${month}-${day}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return null
  const moment = Date.parse(time !== undefined && offset === undefined ? `${text}Z` : text)
  return Number.isNaN(moment) ? null : moment
}
