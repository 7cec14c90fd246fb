import type { Db } from '../store/store.js'
import type { TimeRange } from '../telemetry/readings.js'
import { lookBackOf } from './condition.js'
import { RuleState, type Timing, type Transition } from './engine.js'
import { historyOf, needsOf } from './history.js'

/** The longest period of a test. */
export const maxReplay = { days: 31, ms: 31 * 86_400_000 }
/** How long before the period it begins, at least, in milliseconds, so that what is so by then is known. */
const leastBefore = 3_600_000
/** Moments that one test goes through, and transitions that it tells. */
const maxMoments = 500_000
const maxTransitions = 1000

interface Replay {
  /** Whether the alert would have been there when the range began. */
  readonly active_at_start: boolean
  readonly transitions: readonly Transition[]
  /** What the device said in the range. */
  readonly moments: number
  /** How far it was gone through, in milliseconds since 1970: to the end of the range, unless there was too much. */
  readonly until: number
}

/** What a rule would have said of a recorded period. Silence counts from an hour before on. */
export async function replay(
  db: Db,
  device: { readonly id: string; readonly num: number },
  timing: Timing,
  { start_time, end_time }: TimeRange,
): Promise<Replay> {
  const from = Math.max(0, start_time - Math.max(leastBefore, 2 * lookBackOf(timing.condition)))
  const rule = new RuleState(timing, from)
  const found: Transition[] = []
  let moments = 0
  const result = (until: number): Replay => {
    const within = found.filter(({ at }) => at >= start_time)
    const before = found.findLast(({ at }) => at < start_time)
    return { active_at_start: before?.kind === 'raised', transitions: within.slice(0, maxTransitions), moments, until }
  }
  for await (const page of historyOf(db, device, { start_time: from, end_time }, needsOf([timing.condition]))) {
    for (const { at, inputs } of page) {
      found.push(...rule.observeAll(inputs, at))
      if (++moments >= maxMoments || found.length > maxTransitions) return result(at)
    }
  }
  found.push(...rule.tick(end_time - 1))
  return result(end_time)
}
