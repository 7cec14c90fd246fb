import type { Values } from '../../simulators/model.js'
import type { Moment } from '../../simulators/past.js'
import type { Alerts } from '../alerts/alerts.js'
import { listAlerts } from '../alerts/rows.js'
import { commandLine } from '../people/access-tokens.js'
import { RuleState, type Transition } from '../rules/engine.js'
import { Hours } from '../rules/hours.js'
import type { Input } from '../rules/inputs.js'
import { dataOf, messageOf } from '../rules/message.js'
import { actorOf, listRules, type Rule } from '../rules/rules.js'
import type { Db } from '../store/store.js'

interface Device {
  readonly id: string
  readonly name: string
  readonly timezone: string
}

interface Watched {
  readonly rule: Rule
  readonly state: RuleState
  readonly found: Transition[]
}

/** What rules say of a device while its past goes by: what they would have said when it lived. */
export class Witness {
  readonly #watched: readonly Watched[]
  #reported: Values = {}

  /** @param begin of the past, in milliseconds since 1970 */
  constructor(rules: readonly Rule[], timezone: string, begin: number) {
    this.#watched = rules.map(rule => ({ rule, state: new RuleState(timingOf(rule, timezone), begin), found: [] }))
  }

  /** The moments as they are, each seen when it is taken. */
  *watch(moments: Iterable<Moment>): Generator<Moment> {
    for (const moment of moments) {
      this.#reported = { ...this.#reported, ...moment.changed }
      const inputs = inputsOf(moment, this.#reported)
      for (const { state, found } of this.#watched) found.push(...state.observeAll(inputs, moment.ts))
      yield moment
    }
  }

  /** Raises and clears the alerts of each time that was over again; what is so now the rules themselves will say. */
  async tell(db: Db, alerts: Alerts, device: Device): Promise<void> {
    for (const { rule, found } of this.#watched) {
      const { rows } = await listAlerts(db, { reach: null, device_id: device.id, key: rule.key, limit: 1 })
      const over = rows.length > 0 ? 0 : found.findLastIndex(({ kind }) => kind === 'cleared') + 1
      for (const transition of found.slice(0, over)) await tellOne(alerts, rule, device, transition)
    }
  }
}

/** The rules that the demo has made for a device. */
export async function demoRules(db: Db, device_id: string): Promise<Rule[]> {
  const { rows } = await listRules(db, { homes: null, device_id, limit: 100 })
  return rows.filter(({ created_by, enabled }) => created_by === commandLine && enabled)
}

const timingOf = ({ condition, active_hours, clear_after_seconds }: Rule, timezone: string) => ({
  condition,
  hours: active_hours && new Hours(active_hours, timezone),
  clear_after_ms: clear_after_seconds * 1000,
})

function inputsOf({ ts, data, changed }: Moment, reported: Values): Input[] {
  const readings = Object.entries(data).map(
    ([field, value]) => ({ kind: 'reading', field, value, ts, at: ts, received_at: ts }) as const,
  )
  return Object.keys(changed).length > 0 ? [...readings, { kind: 'state', reported, at: ts }] : readings
}

async function tellOne(
  alerts: Alerts,
  rule: Rule,
  device: Device,
  { kind, at, reason, values }: Transition,
): Promise<void> {
  const { home_id, key, severity, id: rule_id } = rule
  const what = { home_id, device_id: device.id, key, at, actor: actorOf(rule) }
  if (kind === 'cleared') await alerts.clear(what)
  else {
    const said = { message: messageOf({ rule, device, reason, values }), data: dataOf({ reason, values }) }
    await alerts.raise({ ...what, ...said, source: 'rule', rule_id, severity })
  }
}
