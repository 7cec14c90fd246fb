import type { Value } from '../telemetry/payload.js'
import type { WatchedField } from '../telemetry/watched.js'
import type { LeafSpec } from './condition.js'

/** Which readings of a field change nothing after others like them; null when each may change something. */
export function calmOf(field: string, leaves: readonly LeafSpec[]): WatchedField['calm'] {
  let [above, below] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const alarming: Value[] = []
  for (const leaf of leaves) {
    if (!('field' in leaf) || leaf.field !== field) continue
    // A rate needs them all, and so does whoever listens for silence.
    if (leaf.type !== 'threshold' || leaf.not_equals !== undefined) return null
    const high = leaf.above ?? leaf.at_least
    const low = leaf.below ?? leaf.at_most
    if (leaf.equals !== undefined) alarming.push(leaf.equals)
    else if (high !== undefined) below = Math.min(below, leaf.clear_at ?? high)
    else if (low !== undefined) above = Math.max(above, leaf.clear_at ?? low)
  }
  return { above, below, alarming }
}
