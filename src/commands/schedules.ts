import { Cron } from 'croner'
import type { Insertable, Selectable, Updateable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A command to be given later: once, `at` a time, or again and again, by a `cron` line in a time zone. */
export type Schedule = Selectable<Tables['command_schedules']>
type Times = Pick<Schedule, 'at' | 'cron' | 'timezone'>

/** Whose commands are planned. */
export type Target = { readonly device_id: string } | { readonly group_id: string }
export type NewSchedule = Pick<
  Schedule,
  'name' | 'params' | 'ttl_seconds' | 'collapse_key' | 'at' | 'cron' | 'timezone' | 'created_by'
>

/** The plans of a device, or of a group. */
const maxSchedules = 100

/**
 * When a plan is next due, in milliseconds since 1970; null when it never is again. On the day the clock goes forward, what lies in the
 * hour that is left out comes at its end; on the day it goes back, what lies in the hour that comes twice comes once.
 */
export function nextRun({ at, cron, timezone }: Times, after: number): number | null {
  if (at !== null) return at > after ? at : null
  return cron === null ? null : (lineOf(cron, timezone).nextRun(new Date(after))?.getTime() ?? null)
}

/** The last time at or before `now` at which a plan was due, `due` at the earliest: of several that were missed only this counts. */
export function lastRun({ cron, timezone }: Times, due: number, now: number): number {
  if (cron === null) return due
  // A minute on, because what is due at this very second is not before it.
  const [last] = lineOf(cron, timezone)
    .previousRuns(2, new Date(now + 1000))
    .filter(run => run.getTime() <= now)
  return Math.max(due, last?.getTime() ?? due)
}

const lineOf = (cron: string, timezone: string) => new Cron(cron, { timezone, mode: '5-part', paused: true })

/** @throws HubError `invalid_request` when it is no cron line, or never due */
function firstRun(times: Times, now: number): number {
  const next = tryNextRun(times, now)
  if (next !== null) return next
  const what = times.at === null ? 'cron: is never due' : 'at: lies in the past'
  throw new HubError('invalid_request', 'The schedule would never give a command.', [what])
}

function tryNextRun(times: Times, now: number): number | null {
  const fault = times.cron === null ? null : cronFault(times.cron, times.timezone)
  if (fault !== null) throw new HubError('invalid_request', 'This is no schedule.', [`cron: ${fault}`])
  return nextRun(times, now)
}

const cronFields = ['minute', 'hour', 'day', 'month', 'weekday']

/** What is wrong with a line, in words of our own: the library's are about lines that it reads and we do not. Null when nothing is. */
function cronFault(cron: string, timezone: string): string | null {
  const parts = cron.trim().split(/\s+/)
  const isFive = parts.length === cronFields.length
  // The library takes a date as well, which `at` is for.
  if ((isFive || cron.startsWith('@')) && canRead(cron, timezone)) return null
  const wanted = `wants five fields (${cronFields.join(' ')}), like 0 18 * * 1-5`
  if (!isFive) return `${wanted}; this is ${parts.length === 1 ? 'one' : parts.length}`
  const alone = (i: number) => cronFields.map((_, k) => (k === i ? parts[k] : '*')).join(' ')
  const bad = cronFields.findIndex((_, i) => !canRead(alone(i), timezone))
  return bad < 0 ? wanted : `${wanted}; ${parts[bad]} is no ${cronFields[bad]}`
}

function canRead(cron: string, timezone: string): boolean {
  try {
    return lineOf(cron, timezone) !== null
  } catch {
    return false
  }
}

/** @throws HubError `invalid_request` when it would never give a command, `conflict` when there are 100 already */
export async function createSchedule(db: Db, target: Target, wanted: NewSchedule): Promise<Schedule> {
  const now = Date.now()
  const row: Insertable<Tables['command_schedules']> = {
    id: newId(),
    ...noTarget,
    ...target,
    ...wanted,
    status: 'active',
    next_at: firstRun(wanted, now),
    last_at: null,
    last_error: null,
    created_at: now,
    updated_at: now,
  }
  return inTransaction(db, async tx => {
    const { held } = await ofTarget(tx, target)
      .select(eb => eb.fn.countAll<number>().as('held'))
      .executeTakeFirstOrThrow()
    if (held >= maxSchedules) throw new HubError('conflict', `There are ${maxSchedules} schedules here already.`)
    return tx.insertInto('command_schedules').values(row).returningAll().executeTakeFirstOrThrow()
  })
}

const noTarget = { device_id: null, group_id: null }

function ofTarget(db: Db, target: Target) {
  const schedules = db.selectFrom('command_schedules')
  return 'device_id' in target
    ? schedules.where('device_id', '=', target.device_id)
    : schedules.where('group_id', '=', target.group_id)
}

/** @throws HubError `not_found` */
export async function getSchedule(db: Db, id: string): Promise<Schedule> {
  const row = await db.selectFrom('command_schedules').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('schedule')
  return row
}

export async function listSchedules(db: Db, target: Target, { limit, cursor }: PageRequest): Promise<Page<Schedule>> {
  let query = ofTarget(db, target).selectAll().orderBy('id')
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id, large: ['params'] })
}

type Changeable = Pick<Schedule, 'name' | 'params' | 'ttl_seconds' | 'collapse_key' | 'at' | 'cron' | 'timezone'> & {
  readonly status: 'active' | 'paused'
}
export type ScheduleChanges = { readonly [Name in keyof Changeable]?: Changeable[Name] | undefined }

/**
 * Changes a plan. One that was done and gets a new time is active again; what was missed while it was paused is not made up for.
 * @throws HubError `not_found`, `invalid_request` when it would never give a command
 */
export async function updateSchedule(db: Db, id: string, changes: ScheduleChanges): Promise<Schedule> {
  return inTransaction(db, async tx => {
    const planned = await getSchedule(tx, id)
    const now = Date.now()
    const { at = planned.at, cron = planned.cron, timezone = planned.timezone, status = planned.status } = changes
    const isNew = at !== planned.at || cron !== planned.cron || timezone !== planned.timezone
    const then = status === 'done' && isNew ? 'active' : status
    const isKept = planned.status === 'active' && !isNew
    const next = () => (isKept ? planned.next_at : firstRun({ at, cron, timezone }, now))
    const next_at = then === 'active' ? next() : null
    return write(tx, id, { ...changes, status: then, next_at, last_error: null, updated_at: now })
  })
}

const write = (db: Db, id: string, set: Updateable<Tables['command_schedules']>): Promise<Schedule> =>
  db.updateTable('command_schedules').set(set).where('id', '=', id).returningAll().executeTakeFirstOrThrow()

/** The commands that it gave stay. */
export async function deleteSchedule(db: Db, id: string): Promise<void> {
  await db.deleteFrom('command_schedules').where('id', '=', id).execute()
}
