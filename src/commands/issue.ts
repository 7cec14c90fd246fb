import { isDeepStrictEqual } from 'node:util'
import { HubError } from '../errors.js'
import { newSortableId } from '../ids.js'
import type { JsonObject } from '../json.js'
import { inTransaction } from '../store/in-transaction.js'
import type { Db } from '../store/store.js'
import type { Command } from './rows.js'

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

export interface Issued {
  readonly command: Command
  /** Those whose place it takes. */
  readonly superseded: readonly Command[]
  /** The order was given before, and this is its command. */
  readonly repeated: boolean
}

/** The commands a device may have waiting. */
const maxQueued = 1000

/**
 * Writes a command down as `queued`, before anything is sent (D7).
 * @throws HubError `conflict` when 1000 are waiting for the device already, or when the idempotency key stood for another order
 */
export function insertCommand(db: Db, wanted: NewCommand): Promise<Issued> {
  return inTransaction(db, async tx => {
    const earlier = await findEarlier(tx, wanted)
    if (earlier) return { command: earlier, superseded: [], repeated: true }
    await refuseFull(tx, wanted.device_id)
    const superseded = await supersede(tx, wanted)
    const row = { ...fresh, ...columnsOf(wanted) }
    const command = await tx.insertInto('commands').values(row).returningAll().executeTakeFirstOrThrow()
    return { command, superseded, repeated: false }
  })
}

const fresh = { status: 'queued', attempt: 0, result: null, error: null } as const

function columnsOf({ ttl_seconds, issued_at = Date.now(), ...wanted }: NewCommand) {
  const expires_at = issued_at + Math.round(ttl_seconds * 1000)
  return { ...wanted, id: newSortableId(), issued_at, expires_at, updated_at: Date.now() }
}

async function findEarlier(tx: Db, wanted: NewCommand): Promise<Command | undefined> {
  const given = await givenWith(tx, wanted)
  const elsewhere = ({ device_id, batch_id }: Command) =>
    wanted.batch_id === undefined ? device_id !== wanted.device_id : batch_id !== wanted.batch_id
  if (given.some(elsewhere)) throw otherOrder()
  return given.find(command => command.device_id === wanted.device_id)
}

/** The order to a group that was given with this key before. @throws HubError `conflict` when it was another one */
export async function batchOf(db: Db, order: Order): Promise<string | null> {
  const [first] = await givenWith(db, order)
  if (first && first.batch_id === null) throw otherOrder()
  return first?.batch_id ?? null
}

type Order = Omit<NewCommand, 'device_id' | 'home_id'>

/** The commands that were given with an order's key: one, or one for each device of a group. */
async function givenWith(db: Db, order: Order): Promise<Command[]> {
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

async function refuseFull(tx: Db, device_id: string): Promise<void> {
  const { waiting } = await tx
    .selectFrom('commands')
    .select(eb => eb.fn.countAll<number>().as('waiting'))
    .where('device_id', '=', device_id)
    .where('status', '=', 'queued')
    .executeTakeFirstOrThrow()
  if (waiting >= maxQueued) throw new HubError('conflict', `${maxQueued} commands are waiting for this device already.`)
}

/** What has been sent before may have been run: it is not called superseded, but sent again, before the newer one. */
async function supersede(tx: Db, { device_id, collapse_key = null }: NewCommand): Promise<Command[]> {
  if (collapse_key === null) return []
  const now = Date.now()
  return tx
    .updateTable('commands')
    .set({ status: 'superseded', settled_at: now, updated_at: now })
    .where('device_id', '=', device_id)
    .where('collapse_key', '=', collapse_key)
    .where('status', '=', 'queued')
    .where('attempt', '=', 0)
    .returningAll()
    .execute()
}
