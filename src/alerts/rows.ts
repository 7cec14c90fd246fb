import { type Selectable, sql } from 'kysely'
import { isWithin } from '../devices/reach.js'
import { notFound } from '../errors.js'
import { type Severity, severities } from '../inbound.js'
import type { JsonObject } from '../json.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { Reach } from '../rights.js'
import type { AlertStatus } from '../store/alert-tables.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

export type Alert = Selectable<Tables['alerts']>

/** What is raised. */
export interface Raise {
  readonly home_id: string
  /** Null for the home as a whole. */
  readonly device_id: string | null
  /** One alert of a key is open at most. */
  readonly key: string
  readonly source: Alert['source']
  readonly rule_id?: string | null
  readonly severity: Severity
  readonly message: string
  readonly data: JsonObject | null
  /** Milliseconds since 1970. */
  readonly at: number
  /** Kind and id, e.g. `device/abc`: who raises it, and alone can say that to it the matter is over. */
  readonly actor: string
}

/** What is over; with `updated_at`, if nothing has become of it since. */
export type Clear = Pick<Raise, 'home_id' | 'device_id' | 'key' | 'at' | 'actor'> & { readonly updated_at?: number }

/** Alerts of one device, or of one home as a whole, that may be open. */
export const maxOpen = 100

const ownerOf = ({ device_id, home_id }: Pick<Raise, 'device_id' | 'home_id'>) => device_id ?? `/${home_id}`
/** As it is kept who has raised an alert. */
const said = ({ actor, at }: Clear, over: 0 | 1) => ({ [actor]: { at, over } })
/** As the index of the open ones has it. */
const owner = sql`ifnull(device_id, '/' || home_id)`
const rank = (severity: unknown) => sql`instr(${severities.join(' ')}, ${severity})`
const isWorse = sql`${rank(sql.ref('excluded.severity'))} < ${rank(sql.ref('alerts.severity'))}`
/** The condition was over, or is worse than it was: people have to hear of it again. */
const isNews = sql`(alerts.cleared_at is not null or ${isWorse})`

/**
 * Raises an alert, or the one again that is open already. One that somebody has acknowledged stays so, unless it becomes worse.
 * @returns the alert, or undefined when too many others are open
 */
export async function raiseAlert(db: Db, id: string, raise: Raise): Promise<Alert | undefined> {
  const { home_id, device_id, key, source, rule_id = null, severity, message, data, at, actor } = raise
  const held = sql`select count(*) from alerts where ${owner} = ${ownerOf(raise)} and closed_at is null`
  const isOpen = sql`exists (select 1 from alerts where ${owner} = ${ownerOf(raise)} and key = ${key} and closed_at is null)`
  const { rows } =
    await sql<Alert>`insert into alerts (id, home_id, device_id, key, source, rule_id, severity, message, data, status,
      times, round, raised_at, last_raised_at, step, notify_at, told, raisers, actor, updated_at)
    select ${id}, ${home_id}, ${device_id}, ${key}, ${source}, ${rule_id}, ${severity}, ${message}, ${data}, 'open',
      1, 0, ${at}, ${at}, 0, ${Date.now()}, 0, ${said(raise, 0)}, ${actor}, ${Date.now()}
    where ${isOpen} or (${held}) < ${maxOpen}
    on conflict (${owner}, key) where closed_at is null do update set
      severity = excluded.severity, message = excluded.message, data = excluded.data, source = excluded.source, rule_id = excluded.rule_id,
      times = times + 1, last_raised_at = max(last_raised_at, excluded.last_raised_at), cleared_at = null,
      status = case when status = 'acknowledged' and ${isWorse} then 'open' else status end,
      round = round + ${isNews}, step = case when ${isNews} then 0 else step end,
      notify_at = case when ${isNews} then excluded.notify_at else notify_at end,
      raisers = json_patch(raisers, excluded.raisers), actor = excluded.actor, updated_at = excluded.updated_at
    returning *`.execute(db)
  return rows[0]
}

/**
 * To one who has raised an alert it is over. When it is so to all who have, it is cleared, which whoever was told of it is told: one that somebody
 * has acknowledged is closed by it; any other stays, so that somebody sees it. Both statements belong into one commit.
 * @returns the alert, or undefined when none was cleared: it is so to others still, or it was cleared already, or was never this one's
 */
export async function clearAlert(db: Db, clear: Clear): Promise<Alert | undefined> {
  const { at, actor, key, updated_at = null } = clear
  const isOpen = sql`${owner} = ${ownerOf(clear)} and key = ${key} and closed_at is null and cleared_at is null
    and updated_at = ifnull(${updated_at}, updated_at) and exists (select 1 from json_each(raisers) where key = ${actor})`
  const isHeld = sql`exists (select 1 from json_each(raisers) where value ->> 'over' = 0)`
  const [, { rows }] = await Promise.all([
    sql`update alerts set raisers = json_patch(raisers, ${said(clear, 1)}) where ${isOpen}`.execute(db),
    sql<Alert>`update alerts set cleared_at = ${at}, notify_at = case when told = 1 then ${Date.now()} end,
      status = case when status = 'acknowledged' then 'closed' else status end,
      closed_at = case when status = 'acknowledged' then ${Date.now()} end,
      closed_by = case when status = 'acknowledged' then ${actor} end, actor = ${actor}, updated_at = ${Date.now()}
    where ${isOpen} and not ${isHeld} returning *`.execute(db),
  ])
  return rows[0]
}

const silencedAtOnce = 100

/**
 * What detectors have heard, somebody has acknowledged, and nothing has become of since `before`: nobody says that a sound is over. More than
 * 100 wait for the next time; one that is over to its detector, and not to others who hold it, is none of them.
 */
export async function silentAlerts(db: Db, before: number): Promise<Clear[]> {
  const rows = await db
    .selectFrom('alerts')
    .select(['home_id', 'device_id', 'key', 'last_raised_at as at', 'updated_at'])
    .where('closed_at', 'is', null)
    .where('cleared_at', 'is', null)
    .where('source', '=', 'detector')
    .where('status', '=', 'acknowledged')
    .where('updated_at', '<=', before)
    .where(
      sql<boolean>`exists (select 1 from json_each(raisers) as raiser
        where raiser.key = 'detector/' || alerts.key and raiser.value ->> 'over' = 0)`,
    )
    .limit(silencedAtOnce)
    .execute()
  return rows.map(row => ({ ...row, actor: `detector/${row.key}` }))
}

/** What a person, or a policy, may do with an alert: from which statuses, and what it changes. */
const moves = {
  acknowledge: (at: number, actor: string) => ({
    from: ['open', 'escalated'],
    set: sql`status = case when cleared_at is null then 'acknowledged' else 'closed' end, acknowledged_at = ${at},
      acknowledged_by = ${actor}, closed_at = case when cleared_at is not null then ${at} end,
      closed_by = case when cleared_at is not null then ${actor} end,
      notify_at = case when cleared_at is not null and notify_at is not null then ${at} end`,
  }),
  escalate: (at: number, _actor: string) => ({
    from: ['open', 'acknowledged', 'escalated'],
    set: sql`status = 'escalated', escalated_at = ${at}, step = step + 1, notify_at = ${at}`,
  }),
  close: (at: number, actor: string) => ({
    from: ['open', 'acknowledged', 'escalated'],
    set: sql`status = 'closed', closed_at = ${at}, closed_by = ${actor},
      notify_at = case when told = 1 and (cleared_at is null or notify_at is not null) then ${at} end`,
  }),
} as const
export type Move = keyof typeof moves

/** @returns the alert as it is then, or undefined when it cannot be moved so */
export async function moveAlert(db: Db, id: string, move: Move, actor: string): Promise<Alert | undefined> {
  const at = Date.now()
  const { from, set } = moves[move](at, actor)
  const { rows } = await sql<Alert>`update alerts set ${set}, actor = ${actor}, updated_at = ${at}
    where id = ${id} and status in (${sql.join(from)}) returning *`.execute(db)
  return rows[0]
}

/** @throws HubError `not_found` */
export async function getAlert(db: Db, id: string): Promise<Alert> {
  const [row] = await findAlert(db, { id })
  if (!row) throw notFound('alert')
  return row
}

const findAlert = prepare((db, { id }: { id: string }) => db.selectFrom('alerts').selectAll().where('id', '=', id))

type Filter = { readonly [Name in 'home_id' | 'device_id' | 'source' | 'severity' | 'key']?: string | undefined } & {
  readonly status?: readonly AlertStatus[] | undefined
  /** Of when it was first raised, milliseconds since 1970; the end is not within. */
  readonly start_time?: number | undefined
  readonly end_time?: number | undefined
}

/** The newest first. */
export async function listAlerts(db: Db, filter: Filter & PageRequest & { reach: Reach }): Promise<Page<Alert>> {
  const { reach, limit, cursor, status, start_time, end_time, ...equal } = filter
  let query = db.selectFrom('alerts').selectAll().where(isWithin(reach, 'alerts'))
  for (const name of ['home_id', 'device_id', 'source', 'severity', 'key'] as const) {
    if (equal[name] !== undefined) query = query.where(sql<boolean>`${sql.ref(name)} = ${equal[name]}`)
  }
  if (status) query = query.where('status', 'in', status)
  if (start_time !== undefined) query = query.where('raised_at', '>=', start_time)
  if (end_time !== undefined) query = query.where('raised_at', '<', end_time)
  if (cursor) query = query.where('id', '<', decodeCursor(cursor, 'string'))
  return readPage(query.orderBy('id', 'desc'), { limit, keyOf: row => row.id, large: ['data'] })
}

/** How many alerts are not closed, by severity. */
export async function openAlerts(db: Db): Promise<Record<Severity, number>> {
  const rows = await db
    .selectFrom('alerts')
    .select(['severity', eb => eb.fn.countAll<number>().as('count')])
    .where('closed_at', 'is', null)
    .groupBy('severity')
    .execute()
  const counts = Object.fromEntries(severities.map(severity => [severity, 0])) as Record<Severity, number>
  for (const { severity, count } of rows) counts[severity] = count
  return counts
}

/** Removes alerts that were closed before `before`, with their steps. @returns how many */
export const trimAlerts = (db: Db, before: number): Promise<number> =>
  inSteps(trimmedAtOnce, async most => {
    const old = db.selectFrom('alerts').select('id').where('closed_at', '<', before).limit(most)
    const { numDeletedRows } = await db.deleteFrom('alerts').where('id', 'in', old).executeTakeFirstOrThrow()
    return numDeletedRows
  })

const trimmedAtOnce = 500
