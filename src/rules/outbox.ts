import type { Logger } from 'pino'
import type { Alerts } from '../alerts/alerts.js'
import { HubError } from '../errors.js'
import type { Transition } from './engine.js'
import { dataOf, messageOf } from './message.js'
import { actorOf, type Rule } from './rules.js'
import type { WatchedDevice } from './scopes.js'

/** A transition with what it is of. */
export interface Outgoing extends Transition {
  /** When the last of what led to it was received, in milliseconds since 1970: until then it must be evaluated again if it is lost. */
  readonly cause: number
  readonly rule: Rule
  readonly device: WatchedDevice
}

/** What one rule says of one device waits here, in order. */
export interface Line {
  readonly waiting: Outgoing[]
  sending: Promise<void> | null
}

/** Of one rule and device; of more, what was raised and cleared meanwhile is left out in pairs. */
const maxWaiting = 16
const retryMs = 500

/** Raises and clears the alerts of rules: of each rule and device one after the other, and again until it is committed. */
export class Outbox {
  readonly #alerts: Pick<Alerts, 'raise' | 'clear'>
  readonly #log: Logger
  readonly #lines = new Set<Line>()
  readonly #stopping = new AbortController()

  constructor(alerts: Pick<Alerts, 'raise' | 'clear'>, log: Logger) {
    this.#alerts = alerts
    this.#log = log
  }

  send(line: Line, one: Outgoing): void {
    if (line.waiting.length >= maxWaiting) line.waiting.splice(-2)
    line.waiting.push(one)
    this.#lines.add(line)
    if (!line.sending) this.#begin(line)
  }

  #begin(line: Line): void {
    line.sending = this.#run(line).finally(() => {
      line.sending = null
      if (line.waiting.length === 0) this.#lines.delete(line)
      else if (!this.#stopping.signal.aborted) this.#begin(line)
    })
  }

  /** When the oldest of what is not committed yet was caused; infinite when nothing waits. */
  oldest(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { waiting } of this.#lines) for (const { cause } of waiting) oldest = Math.min(oldest, cause)
    return oldest
  }

  /** Waits for what is under way; what cannot be committed now is found again by the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#lines].map(({ sending }) => sending))
  }

  async #run(line: Line): Promise<void> {
    for (let [first] = line.waiting; first; [first] = line.waiting) {
      if (await this.#deliver(first)) line.waiting.splice(line.waiting.indexOf(first), 1)
      else if (this.#stopping.signal.aborted) return
      else await new Promise(resolve => setTimeout(resolve, retryMs))
    }
  }

  async #deliver(one: Outgoing): Promise<boolean> {
    const { rule, device, kind, at } = one
    const { id: device_id, home_id } = device
    const what = { home_id, device_id, key: rule.key, at, actor: actorOf(rule) }
    try {
      if (kind === 'cleared') await this.#alerts.clear(what)
      else {
        const { severity, id: rule_id } = rule
        const said = { message: messageOf(one), data: dataOf(one) }
        await this.#alerts.raise({ ...what, ...said, source: 'rule', rule_id, severity })
      }
      return true
    } catch (err) {
      const isFull = err instanceof HubError && err.code === 'conflict'
      this.#log.error({ err, rule_id: rule.id, device_id, kind }, 'an alert of a rule could not be written')
      return isFull
    }
  }
}
