import { now } from '../state/clock.ts'
import { agoText, timeText, wholeTime } from '../state/words.ts'

/** A moment in the home's zone. */
export function Time({ at, zone }: { at: number; zone: string }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={wholeTime(at, zone)}>
      {timeText(at, zone, now.value)}
    </time>
  )
}

/** How long ago something was. */
export function Ago({ at, zone }: { at: number; zone: string }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={wholeTime(at, zone)}>
      {agoText(at, now.value)}
    </time>
  )
}
