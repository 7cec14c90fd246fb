import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newSortableId } from '../ids.js'
import type { JsonObject } from '../json.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import { type CommandStatus, openStatuses, type Tables } from '../store/tables.js'

export type Command = Selectable<Tables['commands']>

export interface NewCommand {
  readonly device_id: string
  readonly home_id: string
  readonly name: string
  readonly params: JsonObject
  /** How long it may wait for the device, in seconds. After that it is never run. */
  readonly ttl_seconds: number
  /** A newer command with the same key takes the place of one that is still queued. */
  readonly collapse_key?: string | undefined
  readonly issued_by: string
  /** Shared by the commands of one order to a group. */
  readonly batch_id?: string
}

/** The commands a device may have waiting. */
const maxQueued = 1000

/**
 * Writes a command down as `queued`, before anything is sent (D7).
 * @returns the command, and those that it superseded
 * @throws HubError `conflict` when 1000 are waiting for the device already
 */
export async function insertCommand(db: Db, wanted: NewCommand): Promise<{ command: Command; superseded: Command[] }> {
  const { ttl_seconds, collapse_key = null, batch_id = null, ...rest } = wanted
  const now = Date.now()
  return inTransaction(db, async tx => {
    const { waiting } = await tx
      .selectFrom('commands')
      .select(eb => eb.fn.countAll<number>().as('waiting'))
      .where('device_id', '=', wanted.device_id)
      .where('status', '=', 'queued')
      .executeTakeFirstOrThrow()
    if (waiting >= maxQueued)
      throw new HubError('conflict', `${maxQueued} commands are waiting for this device already.`)
    const superseded = collapse_key === null ? [] : await supersede(tx, wanted.device_id, collapse_key, now)
    const command = await tx
      .insertInto('commands')
      .values({
        ...rest,
        id: newSortableId(),
        collapse_key,
        batch_id,
        status: 'queued',
        issued_at: now,
        expires_at: now + Math.round(ttl_seconds * 1000),
        attempt: 0,
        result: null,
        error: null,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    return { command, superseded }
  })
}

const supersede = (db: Db, device_id: string, collapse_key: string, now: number): Promise<Command[]> =>
  db
    .updateTable('commands')
    .set({ status: 'superseded', settled_at: now, updated_at: now })
    .where('device_id', '=', device_id)
    .where('collapse_key', '=', collapse_key)
    .where('status', '=', 'queued')
    .returningAll()
    .execute()

/** @throws HubError `not_found` */
export async function getCommand(db: Db, id: string): Promise<Command> {
  const row = await db.selectFrom('commands').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('command')
  return row
}

/** The newest first. */
export async function listCommands(
  db: Db,
  filter: PageRequest & { device_id: string; status?: CommandStatus | undefined },
): Promise<Page<Command>> {
  let query = db.selectFrom('commands').selectAll().where('device_id', '=', filter.device_id)
  if (filter.status) query = query.where('status', '=', filter.status)
  if (filter.cursor) query = query.where('id', '<', decodeCursor(filter.cursor, 'string'))
  const large = ['params', 'result', 'error']
  return readPage(query.orderBy('id', 'desc'), { limit: filter.limit, keyOf: row => row.id, large })
}

/** The commands of one order to a group. */
export const listBatch = (db: Db, batch_id: string): Promise<Command[]> =>
  db.selectFrom('commands').selectAll().where('batch_id', '=', batch_id).orderBy('id').execute()

/** A step of a command as the API shows it. */
export interface Step {
  readonly at: number
  readonly status: CommandStatus
  readonly progress: number | null
  readonly attempt: number
  /** False for a result that came late or again, and changed nothing. */
  readonly counted: boolean
}

/** Beyond what is kept: a thousand of its progress, and the rest. */
const maxSteps = 2000

/** What a command went through, in order. */
export async function timelineOf(db: Db, command_id: string): Promise<Step[]> {
  const rows = await db
    .selectFrom('command_steps')
    .select(['at', 'status', 'progress', 'attempt', 'counted'])
    .where('command_id', '=', command_id)
    .orderBy('id')
    .limit(maxSteps)
    .execute()
  return rows.map(({ counted, ...step }) => ({ ...step, counted: counted === 1 }))
}

const maxUncounted = 100

/** Keeps a result that changed nothing, up to a hundred of a command. */
export async function keepUncounted(
  db: Db,
  command_id: string,
  { status, progress }: { status: CommandStatus; progress: number | null },
): Promise<void> {
  const { kept } = await db
    .selectFrom('command_steps')
    .select(eb => eb.fn.countAll<number>().as('kept'))
    .where('command_id', '=', command_id)
    .where('counted', '=', 0)
    .executeTakeFirstOrThrow()
  if (kept >= maxUncounted) return
  const { attempt } = await getCommand(db, command_id)
  await db
    .insertInto('command_steps')
    .values({ command_id, at: Date.now(), status, progress, attempt, counted: 0 })
    .execute()
}

/** What waits to be sent to a device, oldest first. */
export const sendable = (db: Db, device_id: string, after: string): Promise<Command[]> =>
  db
    .selectFrom('commands')
    .selectAll()
    .where('device_id', '=', device_id)
    .where('status', '=', 'queued')
    .where('id', '>', after)
    .orderBy('id')
    .limit(100)
    .execute()

/** Puts what was sent on a connection that died before it acknowledged back in the queue: the device may not have it. */
export async function requeue(db: Db, device_id: string): Promise<void> {
  await db
    .updateTable('commands')
    .set({ status: 'queued', updated_at: Date.now() })
    .where('device_id', '=', device_id)
    .where('status', '=', 'sent')
    .execute()
}

/**
 * Moves a command that is still open to another status, if it is in one of `from`. Settled commands never change.
 * @returns the command as it is now, or undefined when it was not in one of these
 */
export const moveCommand = (
  db: Db,
  id: string,
  from: readonly CommandStatus[],
  changes: Partial<
    Pick<Command, 'status' | 'sent_at' | 'delivered_at' | 'settled_at' | 'attempt' | 'progress' | 'result' | 'error'>
  >,
): Promise<Command | undefined> =>
  db
    .updateTable('commands')
    .set({ ...changes, updated_at: Date.now() })
    .where('id', '=', id)
    .where('settled_at', 'is', null)
    .where('status', 'in', from)
    .returningAll()
    .executeTakeFirst()

/**
 * Settles what time has overtaken: commands that never left become `expired`; what was sent and got no result by then is `unknown`
 * (D7), except while the device says that it is at work on it.
 */
export async function settleOverdue(db: Db, now: number): Promise<Command[]> {
  const overdue = (from: CommandStatus[], status: 'expired' | 'unknown', before: number) =>
    db
      .updateTable('commands')
      .set({ status, settled_at: now, updated_at: now })
      .where('settled_at', 'is', null)
      .where('attempt', status === 'expired' ? '=' : '>', 0)
      .where('status', 'in', from)
      .where('expires_at', '<=', before)
      .returningAll()
      .execute()
  const settled = await Promise.all([
    overdue(['queued'], 'expired', now),
    overdue(['queued', 'sent', 'delivered'], 'unknown', now),
    overdue(['accepted', 'running'], 'unknown', now - workLimitMs),
  ])
  return settled.flat()
}

/** How long after its expiry a command may still be `accepted` or `running`. */
const workLimitMs = 60 * 60_000

export const isOpen = (status: CommandStatus) => openStatuses.some(open => open === status)
