import { z } from 'zod'
import { parseJson } from './json.js'
import type { Command, Ending, Model, Order, Values } from './model.js'

/** As the hub sends it on `commands`; what else it says is not for the device. */
const commandSchema = z.object({
  id: z.string().min(1),
  name: z.string(),
  params: z.record(z.string(), z.unknown()).nullish(),
  expires_at: z.number().nullish(),
})

const cancelSchema = z.object({ id: z.string().min(1) })

/** The difference the hub sends on `desired`; `{}` when there is none. */
const desiredSchema = z.object({ desired: z.record(z.string(), z.unknown()).default({}) })

/** What the device says on `commands/result`. */
export interface CommandResult {
  readonly id: string
  readonly status: 'accepted' | 'running' | 'succeeded' | 'failed' | 'rejected' | 'cancelled'
  readonly progress?: number
  readonly result?: Values
  readonly error?: { readonly code: string; readonly message: string }
  readonly state?: Values
}

export interface CommandRunnerOptions {
  readonly model: Model
  /** The device's own clock, milliseconds since 1970. */
  readonly now: () => number
  readonly report: (result: CommandResult) => void
  /** The state may have changed; the keys in `again` are to be told even if they did not. Called before the result that tells of it. */
  readonly changed: (again?: readonly string[]) => void
  /** A line for the device's log. */
  readonly log: (message: string) => void
}

interface Job {
  /** Null for what came as desired state: nobody waits for a result. */
  readonly id: string | null
  readonly command: Command
  readonly params: unknown
  readonly expires_at: number
}

/** Commands waiting for the one that runs; a command that finds it full is rejected as `busy`. */
const maxWaiting = 16
/** Results kept for repeating, the oldest forgotten first. */
const maxRemembered = 128
/** Characters of an error's message, at most. */
const maxMessage = 1000
/** Progress is told this often while a command runs. */
const progressSteps = 4

/** In one sentence. */
const faultsIn = ({ issues }: z.ZodError) =>
  issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message)).join('; ')

/** Runs a device's commands one after the other, and tells what becomes of them; an id that it knows is answered, not run again. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions
  readonly #results = new Map<string, CommandResult>()
  readonly #waiting: Job[] = []
  #busy = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: CommandRunnerOptions) {
    this.#options = options
  }

  /** A message on `commands`. What is not a command is logged; a command always gets a result. */
  receive(payload: Buffer): void {
    const parsed = commandSchema.safeParse(parseJson(payload))
    if (!parsed.success) {
      this.#options.log('ignored a command that cannot be read')
      return
    }
    const { id, name, params, expires_at } = parsed.data
    const known = this.#results.get(id)
    const found = this.#find(name, params ?? {})
    if (known !== undefined) this.#options.report(known)
    else if ('error' in found) this.#tell({ id, status: 'rejected', error: found.error })
    else this.#accept({ ...found, id, expires_at: expires_at ?? Number.POSITIVE_INFINITY })
  }

  /** A message on `commands/cancel`: what has not begun is never run. What runs goes on to its end. */
  cancel(payload: Buffer): void {
    const { data } = cancelSchema.safeParse(parseJson(payload))
    if (data === undefined) return
    const known = this.#results.get(data.id)
    const waiting = this.#waiting.findIndex(job => job.id === data.id)
    if (waiting >= 0) this.#waiting.splice(waiting, 1)
    if (known === undefined || waiting >= 0) this.#tell({ id: data.id, status: 'cancelled' })
    else this.#options.report(known)
  }

  /** A message on `desired`: each key is brought about by the command it stands for. Keys that the model lacks are logged. */
  desire(payload: Buffer): void {
    const parsed = desiredSchema.safeParse(parseJson(payload))
    if (!parsed.success) {
      this.#options.log('ignored a desired state that cannot be read')
      return
    }
    const state = this.#options.model.state()
    const reached: string[] = []
    for (const [key, value] of Object.entries(parsed.data.desired)) {
      if (state[key] === value) reached.push(key)
      else this.#bringAbout(key, value)
    }
    // The hub did not know of these, or they would not differ.
    if (reached.length > 0) this.#options.changed(reached)
  }

  /** Forgets what waits and runs. No result is told for it. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
    this.#busy = true
  }

  #bringAbout(key: string, value: unknown): void {
    const order = this.#orderFor(key, value)
    const found = order === null ? null : this.#find(order.name, order.params)
    if (found === null || 'error' in found) this.#options.log(`cannot set ${key} as desired`)
    else this.#accept({ ...found, id: null, expires_at: Number.POSITIVE_INFINITY })
  }

  #orderFor(key: string, value: unknown): Order | null {
    const { settings } = this.#options.model
    return Object.hasOwn(settings, key) ? (settings[key]?.(value) ?? null) : null
  }

  #find(name: string, given: unknown) {
    const { commands } = this.#options.model
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined)
      return { error: { code: 'unknown_command', message: `no such command: ${name}`.slice(0, maxMessage) } }
    const params = command.params.safeParse(given)
    if (params.success) return { command, params: params.data }
    return { error: { code: 'invalid_params', message: faultsIn(params.error).slice(0, maxMessage) } }
  }

  #accept(job: Job): void {
    if (this.#isExpired(job)) return
    if (this.#waiting.length >= maxWaiting) {
      this.#reject(job, 'busy', 'too many commands wait')
      return
    }
    if (job.id !== null) this.#tell({ id: job.id, status: 'accepted' })
    this.#waiting.push(job)
    this.#next()
  }

  /** Whether the job's time is over; if so, that is told. */
  #isExpired(job: Job): boolean {
    if (job.expires_at > this.#options.now()) return false
    this.#reject(job, 'expired', 'came too late')
    return true
  }

  #reject({ id }: Job, code: string, message: string): void {
    if (id === null) this.#options.log(`cannot do as desired: ${message}`)
    else this.#tell({ id, status: 'rejected', error: { code, message } })
  }

  #next(): void {
    const job = this.#busy ? undefined : this.#waiting.shift()
    if (job === undefined) return
    if (this.#isExpired(job)) {
      this.#next()
      return
    }
    const { model, now, changed } = this.#options
    this.#busy = true
    model.advance(now())
    const run = job.command.run(job.params, now())
    if (run.duration_ms > 0) changed()
    this.#walk(job, run.duration_ms, 0, () => this.#settle(job, run.end(now())))
  }

  /** Waits a running command's time, telling of its progress. */
  #walk(job: Job, duration_ms: number, walked: number, end: () => void): void {
    if (duration_ms === 0 || walked === progressSteps) {
      end()
      return
    }
    if (job.id !== null) this.#tell({ id: job.id, status: 'running', progress: (100 * walked) / progressSteps })
    this.#timer = setTimeout(() => this.#walk(job, duration_ms, walked + 1, end), duration_ms / progressSteps)
  }

  #settle({ id }: Job, ending: Ending): void {
    const { model, changed, log } = this.#options
    changed()
    if (id !== null) {
      const how =
        'error' in ending ? ({ status: 'failed' } as const) : ({ status: 'succeeded', progress: 100 } as const)
      this.#tell({ id, ...how, ...ending, state: model.state() })
    } else if ('error' in ending) log(`desired state not reached: ${ending.error.message}`)
    this.#busy = false
    this.#next()
  }

  #tell(result: CommandResult): void {
    this.#results.delete(result.id)
    this.#results.set(result.id, result)
    for (const id of this.#results.keys()) {
      if (this.#results.size <= maxRemembered) break
      this.#results.delete(id)
    }
    this.#options.report(result)
  }
}
