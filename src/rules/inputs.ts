import type { PresenceStatus } from '../inbound.js'
import type { JsonObject } from '../json.js'
import type { Value } from '../telemetry/payload.js'

/** When nothing is to be expected. */
export const never = Number.POSITIVE_INFINITY

/** Something that a device says, or that is known of it. Times are milliseconds since 1970. */
export type Input = Reading | State | DeviceEvent | PresenceNow | Heard
export interface Reading {
  readonly kind: 'reading'
  readonly field: string
  readonly value: Value
  /** The time it bears, by which it is older or newer than others. */
  readonly ts: number
  /** The same, or when it was received where it bears a time that is still to come. */
  readonly at: number
  readonly received_at: number
}
interface State {
  readonly kind: 'state'
  readonly reported: JsonObject
  readonly at: number
}
interface DeviceEvent {
  readonly kind: 'event'
  /** `event`, or `alert/{key}`. */
  readonly event: string
  readonly data: unknown
  readonly at: number
}
interface PresenceNow {
  readonly kind: 'presence'
  readonly status: PresenceStatus
  readonly at: number
}
/** Any message at all. */
interface Heard {
  readonly kind: 'heard'
  readonly at: number
}

/** One condition of a rule, for one device. */
export interface Leaf {
  /** Whether it is so. */
  readonly on: boolean
  /** When it may change although nothing is said, in milliseconds since 1970; infinite when it will not. */
  readonly next: number
  /** What was said of it last, in words. */
  readonly said: string
  /** The same, where it is of one name. */
  readonly about?: { readonly name: string; readonly value: unknown }
  /** @returns whether `on` has changed, or `next` has come nearer */
  take(input: Input): boolean
  /** @param at `next`, or later */
  advance(at: number): void
  /** The rule was active when what is told from now on began: a value that only holds on has been beyond its limit before. */
  seed?(): void
  /** Nothing can have been heard before this time. */
  grace?(at: number): void
}
