import type { Value } from '../telemetry/payload.js'
import type { WatchedField } from '../telemetry/watched.js'
import type { LeafSpec } from './condition.js'

/** Whether a condition needs each reading of a field: a rate does, and whoever listens for silence. */
export const needsEach = (field: string, leaves: readonly LeafSpec[]): boolean =>
  leaves.some(
    leaf => 'field' in leaf && leaf.field === field && (leaf.type !== 'threshold' || leaf.not_equals !== undefined),
  )

/** Which readings of a field change nothing after others like them, for conditions that do not need each. */
export function calmOf(field: string, leaves: readonly LeafSpec[]): NonNullable<WatchedField['calm']> {
  let [above, below] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const alarming: Value[] = []
  for (const leaf of leaves) {
    if (leaf.type !== 'threshold' || leaf.field !== field) continue
    const high = leaf.above ?? leaf.at_least
    const low = leaf.below ?? leaf.at_most
    if (leaf.equals !== undefined) alarming.push(leaf.equals)
    else if (high !== undefined) below = Math.min(below, leaf.clear_at ?? high)
    else if (low !== undefined) above = Math.max(above, leaf.clear_at ?? low)
  }
  return { above, below, alarming }
}
