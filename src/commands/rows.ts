import { type Selectable, sql } from 'kysely'
import { notFound } from '../errors.js'
import type { CommandResult } from '../messages.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { type CommandStatus, openStatuses } from '../store/command-tables.js'
import { readPage } from '../store/pages.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

export type Command = Selectable<Tables['commands']>

export const isOpen = (status: CommandStatus) => openStatuses.some(open => open === status)

/**
 * From which statuses a result may move a command. A late `accepted` does not take a running command back; `queued` is here for what was
 * sent, lost its link and waits to be sent again.
 */
export const before: Readonly<Record<CommandResult['status'], readonly CommandStatus[]>> = {
  accepted: ['queued', 'sent', 'delivered'],
  running: openStatuses,
  succeeded: openStatuses,
  failed: openStatuses,
  rejected: openStatuses,
  cancelled: openStatuses,
}

/** @throws HubError `not_found` */
export async function getCommand(db: Db, id: string): Promise<Command> {
  const [row] = await findCommand(db, { id })
  if (!row) throw notFound('command')
  return row
}

const findCommand = prepare((db, { id }: { id: string }) => db.selectFrom('commands').selectAll().where('id', '=', id))

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

/** How many commands are read at a time to be sent. */
export const sentAtOnce = 100

/** What waits to be sent to a device. What it shall not run any more is not sent. */
export const queuedOf = (db: Db, device_id: string) =>
  db
    .selectFrom('commands')
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .where('status', '=', 'queued')
    .where('cancel_requested_at', 'is', null)

/** The oldest first. */
export const sendable = (db: Db, device_id: string, after: string): Promise<Command[]> =>
  queuedOf(db, device_id).selectAll().where('id', '>', after).orderBy('id').limit(sentAtOnce).execute()

/** What a device has been sent, or may have been, and shall not run any more; oldest first. */
export const toCancel = (db: Db, device_id: string): Promise<Command[]> =>
  db
    .selectFrom('commands')
    .selectAll()
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .where('cancel_requested_at', 'is not', null)
    .orderBy('id')
    .limit(1000)
    .execute()

/** Puts what was sent on a connection that died before it acknowledged back in the queue: the device may not have it. */
export async function requeue(db: Db, device_id: string): Promise<void> {
  await db
    .updateTable('commands')
    .set({ status: 'queued', updated_at: Date.now() })
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .where('status', '=', 'sent')
    .execute()
}

type Changes = Partial<
  Pick<
    Command,
    | 'status'
    | 'sent_at'
    | 'delivered_at'
    | 'settled_at'
    | 'cancel_requested_at'
    | 'attempt'
    | 'progress'
    | 'result'
    | 'error'
  >
>

/** From what a command may be moved: where it must have one of these statuses, have been sent before or not, be for this device. */
interface From {
  readonly status: readonly CommandStatus[]
  readonly sent?: boolean
  readonly device_id?: string
}

const unchanged = {
  status: null,
  sent_at: null,
  delivered_at: null,
  settled_at: null,
  cancel_requested_at: null,
  attempt: null,
  progress: null,
  result: null,
  error: null,
}

/**
 * Moves a command that is still open to another status, if it is as `from` says. Settled commands never change, and nothing that is known
 * of a command is taken back.
 * @returns the command as it is now, or undefined when it was not so
 */
export async function moveCommand(db: Db, id: string, from: From, changes: Changes): Promise<Command | undefined> {
  const { status, sent = null, device_id = null } = from
  const when = { id, from: JSON.stringify(status), sent, device_id, updated_at: Date.now(), ...unchanged, ...changes }
  const [moved] = await move(db, when)
  return moved
}

type Move = { readonly [Name in keyof typeof unchanged]: unknown } & {
  readonly id: string
  readonly from: string
  readonly sent: boolean | null
  readonly device_id: string | null
  readonly updated_at: number
}

const move = prepare((db, input: Move) =>
  db
    .updateTable('commands')
    .set({
      ...Object.fromEntries(names.map(name => [name, orAsItIs(name, input[name])])),
      updated_at: input.updated_at,
    })
    .where('id', '=', input.id)
    .where('settled_at', 'is', null)
    .where(sql<boolean>`status in (select value from json_each(${input.from}))`)
    .where(sql<boolean>`(attempt > 0) is not (not ${input.sent})`)
    .where('device_id', '=', sql<string>`coalesce(${input.device_id}, device_id)`)
    .returningAll(),
)

const names = Object.keys(unchanged) as (keyof typeof unchanged)[]
/** The first time that it was so stands. */
const firsts: readonly string[] = ['delivered_at', 'cancel_requested_at']
const orAsItIs = (name: string, value: unknown) =>
  firsts.includes(name) ? sql`coalesce(${sql.ref(name)}, ${value})` : sql`coalesce(${value}, ${sql.ref(name)})`

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
