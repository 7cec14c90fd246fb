import type { Model, Values } from './model.js'

/** What a device would have said at one moment. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly ts: number
  readonly data: Values
  /** The keys of its state that have changed since the moment before; at the first one all of them. */
  readonly changed: Values
  readonly events: readonly (Values & { readonly ts: number })[]
}

interface Span {
  /** `[begin, end)` in milliseconds since 1970. */
  readonly begin: number
  readonly end: number
  readonly interval_ms: number
}

/** When something has happened, it is looked at again so soon, in milliseconds: a door does not stand open for an interval. */
const soonMs = 15_000

/**
 * What a device would have said: at each interval, when people did something to it, and soon after something happened. It follows from the model and
 * the beginning alone, so that a later end only adds to it. Nobody has heard what was recorded. The model then stands at the end, and can go on living.
 */
export function* past(model: Model, { begin, end, interval_ms }: Span): Generator<Moment> {
  let reported: Values = {}
  let habit = Number.NEGATIVE_INFINITY
  let ts = begin
  while (ts < end) {
    const data = model.advance(ts)
    const state = model.state()
    const news = Object.entries(state).filter(([key, value]) => reported[key] !== value)
    const events = model.drainEvents?.() ?? []
    model.drainClips?.()
    reported = state
    yield { ts, data, changed: Object.fromEntries(news), events }
    if (habit <= ts) habit = model.nextHabit?.(ts) ?? Number.POSITIVE_INFINITY
    const soon = news.length > 0 || events.length > 0 ? ts + soonMs : Number.POSITIVE_INFINITY
    ts = Math.min(begin + (Math.floor((ts - begin) / interval_ms) + 1) * interval_ms, habit, soon)
  }
}
