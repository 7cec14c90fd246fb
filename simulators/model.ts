import { z } from 'zod'

export type Value = number | string | boolean
export type Values = Readonly<Record<string, Value>>

/** `gauge` goes up and down, `counter` only up, `state` is one of a few words. */
interface Metric {
  readonly unit: string
  readonly kind: 'gauge' | 'counter' | 'state'
}

/** What became of a command: what it did, or why it could not. */
export type Ending =
  | { readonly result: Values }
  | { readonly error: { readonly code: string; readonly message: string } }

/** A command under way: it takes `duration_ms`, and then `end` says how it went. */
export interface Run {
  readonly duration_ms: number
  readonly end: (now: number) => Ending
}

export interface Command {
  readonly about: string
  readonly params: z.ZodType
  /** Begins it. `params` are as the schema gave them. */
  readonly run: (params: unknown, now: number) => Run
}

/** A command that somebody wants run. */
export interface Order {
  readonly name: string
  readonly params: Values
}

/** What a microphone has recorded. */
export interface Clip {
  readonly recorded_at: number
  readonly content_type: string
  /** Its sound, made when it is wanted. */
  readonly make: () => Buffer
}

/** What is known of a device from an earlier run: its newest readings and its reported state together, and how old they are. */
interface Was {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly values: Readonly<Record<string, unknown>>
}

/** What a device tells of itself after connecting. `capabilities` holds the JSON Schema of each command's parameters. */
export interface Hello {
  readonly model: string
  readonly firmware_version: string
  readonly metrics: Readonly<Record<string, Metric>>
  readonly capabilities: Readonly<Record<string, { readonly about: string; readonly params: object }>>
}

/**
 * A thing with physics. It never reads the clock: it is told the time, integer milliseconds since 1970, so the same seed and
 * the same times give the same readings, live or a month in a moment. A time that is not later than the last one moves nothing.
 */
export interface Model {
  readonly hello: Hello
  readonly commands: Readonly<Record<string, Command>>
  /** How a desired value of each settable key of the state is brought about; null when the value makes no sense. */
  readonly settings: Readonly<Record<string, (value: unknown) => Order | null>>
  /** The whole reported state, as of the last `advance`. */
  state(): Values
  /** Moves the physics on to `now` and measures. */
  advance(now: number): Values
  /** Goes on where a device like it was last heard. To be called before the first `advance`. What it cannot be is left out. */
  resume(was: Was): void
  /** When people will next do something to it by themselves, after a time; only a model that has habits knows. */
  nextHabit?(after: number): number
  /** What happened since it was last asked, oldest first. */
  drainEvents?(): readonly (Values & { readonly type: string; readonly ts: number })[]
  /** What it recorded since it was last asked, oldest first. */
  drainClips?(): readonly Clip[]
  /** The hub has listened to a recording, and heard what these detectors are for. */
  hear?(keys: readonly string[]): void
  /** Milliseconds between readings when somebody has chosen that by command, else null. */
  intervalMs?(): number | null
  /** Milliseconds that it sleeps after each reading, on a battery, when somebody has chosen that, else null. */
  sleepMs?(): number | null
}

/** A command, with `run` knowing the type of its parameters. */
export function command<P extends z.ZodType>(
  about: string,
  params: P,
  run: (params: z.output<P>, now: number) => Run,
): Command {
  return { about, params, run: (given, now) => run(given as z.output<P>, now) }
}

/** A value that may be known from an earlier run, and is not where it makes no sense. */
export const known = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined)

/** A command that is over as soon as it has begun. */
export const done = (result: Values): Run => ({ duration_ms: 0, end: () => ({ result }) })

/** A setting that one command brings about, its parameter named like the state's key. */
export const setBy = (name: string, key: string) => (value: unknown) =>
  typeof value === 'object' || value === undefined ? null : { name, params: { [key]: value as Value } }

export function describe(
  model: string,
  firmware_version: string,
  metrics: Hello['metrics'],
  commands: Model['commands'],
): Hello {
  const capabilities = Object.entries(commands).map(([name, { about, params }]) => {
    const { $schema: _, ...schema } = z.toJSONSchema(params, { io: 'input' })
    return [name, { about, params: schema }]
  })
  return { model, firmware_version, metrics, capabilities: Object.fromEntries(capabilities) }
}

/** A measured value as an instrument shows it. */
export const round = (value: number, digits: number) => {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}
