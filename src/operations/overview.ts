import { sql } from 'kysely'
import type { PresenceStatus } from '../inbound.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { openStatuses } from '../store/command-tables.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'

type Counts = Record<string, number>

/** What the tables say of the whole hub. */
export interface Overview {
  readonly devices: { readonly total: number; readonly by_status: Counts; readonly by_presence: Counts }
  readonly homes: number
  readonly people: number
  readonly commands_open: number
  readonly alerts_open: number
  readonly quarantined: number
}

export async function overview(db: Db): Promise<Overview> {
  const [devices, presence, totals] = await Promise.all([
    db.selectFrom('devices').select(['status', count]).groupBy('status').execute(),
    db.selectFrom('presence').select(['status', count]).groupBy('status').execute(),
    totalsOf(db),
  ])
  const by_status = countsOf(devices)
  const total = Object.values(by_status).reduce((sum, one) => sum + one, 0)
  const known = countsOf(presence)
  const seen = Object.values(known).reduce((sum, one) => sum + one, 0)
  // A device that was never there has no row.
  const by_presence = { ...known, offline: (known.offline ?? 0) + total - seen }
  return { devices: { total, by_status, by_presence }, ...totals }
}

const count = sql<number>`count(*)`.as('count')
const countsOf = (rows: readonly { status: string; count: number }[]): Counts =>
  Object.fromEntries(rows.map(({ status, count }) => [status, count]))

async function totalsOf(db: Db): Promise<Omit<Overview, 'devices'>> {
  const of = async (query: { execute(): Promise<{ count: number }[]> }) => (await query.execute())[0]?.count ?? 0
  const [homes, people, commands_open, alerts_open, quarantined] = await Promise.all([
    of(db.selectFrom('homes').select(count)),
    of(db.selectFrom('users').select(count)),
    of(db.selectFrom('commands').select(count).where('settled_at', 'is', null)),
    of(db.selectFrom('alerts').select(count).where('closed_at', 'is', null)),
    of(db.selectFrom('quarantine').select(count).where('replayed_at', 'is', null)),
  ])
  return { homes, people, commands_open, alerts_open, quarantined }
}

export interface HomeNumbers {
  readonly id: string
  readonly name: string
  readonly devices: number
  readonly online: number
  readonly sleeping: number
  readonly people: number
  readonly commands_open: number
  readonly alerts_open: number
  readonly quarantined: number
}

/** Every home with its numbers, by id. */
export function homesOverview(db: Db, { limit, cursor }: PageRequest): Promise<Page<HomeNumbers>> {
  const open = sql.join(openStatuses)
  let query = db
    .selectFrom('homes')
    .select(['id', 'name'])
    .select([
      sql<number>`(select count(*) from devices where home_id = homes.id)`.as('devices'),
      withStatus('online').as('online'),
      withStatus('sleeping').as('sleeping'),
      sql<number>`(select count(*) from members where home_id = homes.id)`.as('people'),
      sql<number>`(select count(*) from commands where settled_at is null and status in (${open}) and home_id = homes.id)`.as(
        'commands_open',
      ),
      sql<number>`(select count(*) from alerts where closed_at is null and home_id = homes.id)`.as('alerts_open'),
      sql<number>`(select count(*) from devices join quarantine on quarantine.device_id = devices.id
        where devices.home_id = homes.id and replayed_at is null)`.as('quarantined'),
    ])
    .orderBy('id')
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id })
}

const withStatus = (status: PresenceStatus) =>
  sql<number>`(select count(*) from devices join presence on presence.device_id = devices.id
    where devices.home_id = homes.id and presence.status = ${status})`

export interface SlowDevice {
  readonly device_id: string
  readonly home_id: string
  readonly commands: number
  readonly mean_ms: number
}

const slowestShown = 20

/** The devices that took longest, on average, from being sent a command to its end. @param since milliseconds since 1970 */
export const slowestDevices = (db: Db, since: number): Promise<SlowDevice[]> =>
  db
    .selectFrom('commands')
    .select([
      'device_id',
      'home_id',
      sql<number>`count(*)`.as('commands'),
      sql<number>`avg(settled_at - sent_at)`.as('mean_ms'),
    ])
    .where('settled_at', '>=', since)
    .where('sent_at', 'is not', null)
    .where('status', 'in', ['succeeded', 'failed', 'rejected'])
    .groupBy('device_id')
    .orderBy('mean_ms', 'desc')
    .limit(slowestShown)
    .execute()
