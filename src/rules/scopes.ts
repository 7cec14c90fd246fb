import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { Timing } from './engine.js'
import { type Needs, needsOf } from './history.js'
import { Hours } from './hours.js'
import { type Rule, ruleOf } from './rules.js'

/** Rules times devices that are evaluated; of the homes that have most the newest rules are left out beyond it, and that is logged. */
export const maxStates = 100_000

export interface WatchedDevice {
  readonly id: string
  readonly num: number
  readonly home_id: string
  readonly name: string
  readonly created_at: number
}

/** A rule that is evaluated, with its hours in the time zone of its home. */
export interface LivingRule {
  readonly rule: Rule
  readonly timing: Timing
  readonly needs: Needs
  /** What it is evaluated by: with another one it begins anew. */
  readonly mark: string
}

export interface Scopes {
  /** Counted on with every change after which these may be others. */
  readonly version: number
  readonly rules: ReadonlyMap<string, LivingRule>
  readonly devices: ReadonlyMap<string, WatchedDevice>
  /** Which rules apply to which devices, by their ids. */
  readonly pairs: readonly { readonly rule_id: string; readonly device_id: string }[]
}

/** Every rule that is switched on, and the devices that it applies to now: those in its home alone. */
export async function loadScopes(db: Db): Promise<Scopes> {
  const { scopes: version } = await evaluation(db)
  const rows = await db
    .selectFrom('alert_rules')
    .innerJoin('homes', 'homes.id', 'alert_rules.home_id')
    .selectAll('alert_rules')
    .select('homes.timezone')
    .where('enabled', '=', 1)
    .execute()
  const rules = new Map(rows.map(({ timezone, ...row }) => [row.id, livingOf(ruleOf(row), timezone)]))
  if (rules.size === 0) return { version, rules, devices: new Map(), pairs: [] }
  const pairs = await pairsOf(db)
  const found = await db
    .selectFrom('devices')
    .select(['id', 'num', 'home_id', 'name', 'created_at'])
    .where('home_id', 'in', [...new Set(rows.map(({ home_id }) => home_id))])
    .execute()
  const devices = new Map(found.map(device => [device.id, device]))
  // Between the two a device or a rule may have come: the count tells, and all is read again.
  const known = pairs.filter(({ rule_id, device_id }) => rules.has(rule_id) && devices.has(device_id))
  return { version, rules, devices, pairs: known }
}

/** Each home in its turn, so that none that has very many leaves another without. */
async function pairsOf(db: Db): Promise<Scopes['pairs']> {
  const { rows } = await sql<Scopes['pairs'][number]>`select rule.id as rule_id, device.id as device_id
    from alert_rules as rule join devices as device on device.home_id = rule.home_id
    where enabled = 1 and (rule.type is null or rule.type = device.type)
      and (rule.device_id is null or rule.device_id = device.id)
      and (rule.group_id is null or exists (select 1 from group_devices as held
        where held.group_id = rule.group_id and held.device_id = device.id))
    order by row_number() over (partition by rule.home_id order by rule.created_at, rule.id, device.id),
      rule.created_at, rule.id, device.id limit ${maxStates + 1}`.execute(db)
  return rows
}

function livingOf(rule: Rule, timezone: string): LivingRule {
  const { condition, active_hours, clear_after_seconds } = rule
  return {
    rule,
    timing: {
      condition,
      hours: active_hours && new Hours(active_hours, timezone),
      clear_after_ms: clear_after_seconds * 1000,
    },
    needs: needsOf([condition]),
    mark: JSON.stringify([
      rule.home_id,
      rule.key,
      condition,
      active_hours,
      active_hours && timezone,
      clear_after_seconds,
    ]),
  }
}

/** How far rules have been evaluated, and the count of changes of their scopes. */
export const evaluation = (db: Db) =>
  db.selectFrom('rule_evaluation').select(['until', 'scopes']).where('id', '=', 1).executeTakeFirstOrThrow()

/** @param until what was received before has been evaluated, and what came of it is committed. @returns the count of changes of scopes */
export async function recordEvaluation(db: Db, until: number): Promise<number> {
  const { scopes } = await db
    .updateTable('rule_evaluation')
    .set({ until })
    .where('id', '=', 1)
    .returning('scopes')
    .executeTakeFirstOrThrow()
  return scopes
}
