import type { Insertable, Selectable, Updateable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import type { Condition } from './condition.js'
import type { ActiveHours } from './hours.js'

type Row = Selectable<Tables['alert_rules']>

/** A rule that raises an alert for each device that it applies to. */
export interface Rule extends Omit<Row, 'condition' | 'active_hours' | 'enabled' | 'auto_clear'> {
  readonly condition: Condition
  readonly active_hours: ActiveHours | null
  readonly enabled: boolean
  readonly auto_clear: boolean
}

type Given = 'home_id' | 'device_id' | 'group_id' | 'type' | 'name' | 'enabled' | 'severity' | 'message'
export type NewRule = Pick<
  Rule,
  Given | 'condition' | 'active_hours' | 'clear_after_seconds' | 'auto_clear' | 'created_by'
> & {
  readonly key?: string | undefined
}

/** As who a rule raises its alerts, and takes them back. */
export const actorOf = ({ id }: Pick<Rule, 'id'>) => `rule/${id}`

/** The rules of a home. */
const maxRules = 1000

export const ruleOf = ({ condition, active_hours, enabled, auto_clear, ...row }: Row): Rule => ({
  ...row,
  condition: condition as Condition,
  active_hours: active_hours as ActiveHours | null,
  enabled: enabled === 1,
  auto_clear: auto_clear === 1,
})

/** @throws HubError `conflict` when the home has 1000 already */
export async function createRule(db: Db, { key, enabled, auto_clear, ...given }: NewRule): Promise<Rule> {
  const [id, now] = [newId(), Date.now()]
  const row: Insertable<Tables['alert_rules']> = {
    id,
    ...given,
    key: key ?? `rule-${id}`,
    enabled: Number(enabled),
    auto_clear: Number(auto_clear),
    created_at: now,
    updated_at: now,
  }
  return inTransaction(db, async tx => {
    const { held } = await tx
      .selectFrom('alert_rules')
      .select(eb => eb.fn.countAll<number>().as('held'))
      .where('home_id', '=', given.home_id)
      .executeTakeFirstOrThrow()
    if (held >= maxRules) throw new HubError('conflict', `The home has ${maxRules} rules already.`)
    return ruleOf(await tx.insertInto('alert_rules').values(row).returningAll().executeTakeFirstOrThrow())
  })
}

/** @throws HubError `not_found` */
export async function getRule(db: Db, id: string): Promise<Rule> {
  const row = await db.selectFrom('alert_rules').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('rule')
  return ruleOf(row)
}

export interface RuleFilter extends PageRequest {
  /** Those to choose from; null for all. */
  readonly homes: readonly string[] | null
  readonly home_id?: string | undefined
  readonly device_id?: string | undefined
  readonly group_id?: string | undefined
}

export async function listRules(db: Db, { homes, limit, cursor, ...equal }: RuleFilter): Promise<Page<Rule>> {
  let query = db.selectFrom('alert_rules').selectAll().orderBy('id')
  if (homes) query = query.where('home_id', 'in', homes)
  for (const name of ['home_id', 'device_id', 'group_id'] as const)
    if (equal[name] !== undefined) query = query.where(name, '=', equal[name])
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  const { rows, next_cursor } = await readPage(query, { limit, keyOf: row => row.id, large: ['condition'] })
  return { rows: rows.map(ruleOf), next_cursor }
}

type Changeable = Omit<NewRule, 'home_id' | 'device_id' | 'group_id' | 'type' | 'created_by'>
export type RuleChanges = { readonly [Name in keyof Changeable]?: Changeable[Name] | undefined }

/** @throws HubError `not_found` */
export async function updateRule(db: Db, id: string, changes: RuleChanges): Promise<Rule> {
  const { enabled, auto_clear, ...rest } = changes
  const set: Updateable<Tables['alert_rules']> = {
    ...rest,
    ...(enabled !== undefined && { enabled: Number(enabled) }),
    ...(auto_clear !== undefined && { auto_clear: Number(auto_clear) }),
    updated_at: Date.now(),
  }
  await db.updateTable('alert_rules').set(set).where('id', '=', id).execute()
  return getRule(db, id)
}

/** Its alerts that are open are cleared when that is noticed. */
export async function deleteRule(db: Db, id: string): Promise<void> {
  await db.deleteFrom('alert_rules').where('id', '=', id).execute()
}
