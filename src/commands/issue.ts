import { isDeepStrictEqual } from 'node:util'
import { HubError } from '../errors.js'
import type { JsonObject } from '../json.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import { type Command, queuedOf } from './rows.js'

export interface NewCommand {
  readonly device_id: string
  readonly home_id: string
  readonly name: string
  readonly params: JsonObject
  /** How long it may wait for the device, in seconds. After that it is never run. */
  readonly ttl_seconds: number
  /** A newer command with the same key takes the place of one that has not been sent. */
  readonly collapse_key?: string | null | undefined
  readonly issued_by: string
  /** Shared by the commands of one order to a group. */
  readonly batch_id?: string
  /** The same order sent again with this key finds the command that it was given by the first time. */
  readonly idempotency_key?: string | undefined
  readonly schedule_id?: string
  /** Milliseconds since 1970; now when left out. */
  readonly issued_at?: number
}

/** A command as it is known before it is written down. */
export type Order = Pick<Command, 'id' | 'device_id' | 'home_id' | 'name'>

/** The commands a device may have waiting. */
const maxQueued = 1000

/** @throws HubError `conflict` when 1000 are waiting for the device already, or a few more that were given at once */
export async function refuseFull(db: Db, device_id: string): Promise<void> {
  const [found] = await countQueued(db, { device_id })
  if (found && found.waiting >= maxQueued)
    throw new HubError('conflict', `${maxQueued} commands are waiting for this device already.`)
}

const countQueued = prepare((db, { device_id }: { device_id: string }) =>
  queuedOf(db, device_id).select(eb => eb.fn.countAll<number>().as('waiting')),
)

/**
 * Writes a command down as `queued`, before anything is sent (D7); and as `sent` in the same commit when the device is there and nothing
 * waits before it. All statements are asked for at once, see `Store.together`.
 * @returns the command, as it was sent too if it was, and those whose place it takes
 * @throws HubError `conflict` when another one has its idempotency key
 */
export async function insertCommand(
  tx: Db,
  id: string,
  wanted: NewCommand,
  ready: boolean,
): Promise<{ command: Command; sent: Command | undefined; superseded: readonly Command[] }> {
  const [superseded, [command], [sent]] = await Promise.all([
    supersede(tx, wanted),
    insert(tx, { id, ...columnsOf(wanted) }),
    ready ? sendFirst(tx, { id, device_id: wanted.device_id, now: Date.now() }) : [],
  ])
  if (!command) throw new Error('a command was written down and not returned')
  return { command, sent, superseded }
}

const fresh = { status: 'queued', attempt: 0, result: null, error: null } as const

function columnsOf({ ttl_seconds, issued_at = Date.now(), ...wanted }: NewCommand) {
  const { collapse_key = null, batch_id = null, idempotency_key = null, schedule_id = null, ...named } = wanted
  const expires_at = issued_at + Math.round(ttl_seconds * 1000)
  return {
    collapse_key,
    batch_id,
    idempotency_key,
    schedule_id,
    issued_at,
    expires_at,
    updated_at: Date.now(),
    ...named,
  }
}

type Row = ReturnType<typeof columnsOf> & { readonly id: string }

const columns = [
  'id',
  'device_id',
  'home_id',
  'name',
  'params',
  'collapse_key',
  'batch_id',
  'idempotency_key',
  'schedule_id',
  'issued_by',
  'issued_at',
  'expires_at',
  'updated_at',
] as const satisfies (keyof Row)[]

const insert = prepare((db, row: Row) => {
  const values = Object.fromEntries(columns.map(name => [name, row[name]])) as Row
  return db
    .insertInto('commands')
    .values({ ...fresh, ...values })
    .returningAll()
})

/** Marks a command as sent, unless another one waits before it or its time is over. */
const sendFirst = prepare((tx, { id, device_id, now }: { id: string; device_id: string; now: number }) =>
  tx
    .updateTable('commands')
    .set({ status: 'sent', sent_at: now, attempt: 1, updated_at: now })
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .where(eb => eb.not(eb.exists(queuedOf(tx, device_id).select('id').where('id', '<>', id))))
    .returningAll(),
)

/** What has been sent before may have been run: it is not called superseded, but sent again, before the newer one. */
async function supersede(tx: Db, { device_id, collapse_key = null }: NewCommand): Promise<readonly Command[]> {
  if (collapse_key === null) return []
  const now = Date.now()
  return tx
    .updateTable('commands')
    .set({ status: 'superseded', settled_at: now, updated_at: now })
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .where('status', '=', 'queued')
    .where('attempt', '=', 0)
    .where('collapse_key', '=', collapse_key)
    .returningAll()
    .execute()
}

/**
 * The command that an order was given by before, if it was.
 * @throws HubError `conflict` when its idempotency key stood for another order
 */
export async function findEarlier(db: Db, wanted: NewCommand): Promise<Command | undefined> {
  const given = await givenWith(db, wanted)
  const elsewhere = ({ device_id, batch_id }: Command) =>
    wanted.batch_id === undefined ? device_id !== wanted.device_id : batch_id !== wanted.batch_id
  if (given.some(elsewhere)) throw otherOrder()
  return given.find(command => command.device_id === wanted.device_id)
}

/** The order to a group that was given with this key before. @throws HubError `conflict` when it was another one */
export async function batchOf(db: Db, order: Omit<NewCommand, 'device_id' | 'home_id'>): Promise<string | null> {
  const [first] = await givenWith(db, order)
  if (first && first.batch_id === null) throw otherOrder()
  return first?.batch_id ?? null
}

/** The commands that were given with an order's key: one, or one for each device of a group. */
async function givenWith(db: Db, order: Omit<NewCommand, 'device_id' | 'home_id'>): Promise<Command[]> {
  const { idempotency_key, issued_by, name, params, collapse_key = null, ttl_seconds } = order
  if (idempotency_key === undefined) return []
  const given = await db
    .selectFrom('commands')
    .selectAll()
    .where('issued_by', '=', issued_by)
    .where('idempotency_key', '=', idempotency_key)
    .execute()
  const same = (command: Command) =>
    command.name === name &&
    isDeepStrictEqual(command.params, params) &&
    command.collapse_key === collapse_key &&
    command.expires_at - command.issued_at === Math.round(ttl_seconds * 1000)
  if (!given.every(same)) throw otherOrder()
  return given
}

const otherOrder = () => new HubError('conflict', 'The idempotency key stood for another order before.')
