import { sql } from 'kysely'
import { prepare, prepareSql } from '../src/store/prepare.js'
import type { Db } from '../src/store/store.js'
import type { Tables } from '../src/store/tables.js'

/** The rows of sessions. What is asked for every message is compiled once. */

export type Payload = Buffer | string
export type OutgoingRow = Tables['mqtt_outgoing']

/** Bytes in a memory of their own: a slice of what was read from a socket would take all of that along to the writer thread. */
export const ownBytes = (payload: Payload): Payload =>
  typeof payload === 'string' ? payload : (new Uint8Array(payload) as Buffer)
/** What comes back from a thread is an array of bytes without Buffer's methods. */
export const bytesOf = (payload: Payload): Payload =>
  typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length)

interface NewOutgoing {
  /** Number and QoS of each session that keeps the message. One that has gone meanwhile gets nothing. */
  readonly keepers: readonly (readonly [number, number])[]
  readonly seq: number
  readonly topic: string
  readonly payload: Payload
}
export const insertOutgoing = prepareSql(
  ({ keepers, seq, topic, payload }: NewOutgoing) =>
    sql`insert into mqtt_outgoing (session_num, seq, cmd, topic, payload, qos)
      select num, ${seq}, 'publish', ${topic}, ${payload}, value ->> 1
      from json_each(${keepers}) join mqtt_sessions on num = value ->> 0`,
)

export const nameOutgoing = prepareSql(
  ({ num, seq, message_id }: { num: number; seq: number; message_id: number }) =>
    sql`update mqtt_outgoing set message_id = ${message_id} where session_num = ${num} and seq = ${seq}`,
)

/** Of a message that was received only its packet identifier is kept. */
export const releaseOutgoing = prepareSql(
  ({ num, seq }: { num: number; seq: number }) =>
    sql`update mqtt_outgoing set cmd = 'pubrel', topic = '', payload = '' where session_num = ${num} and seq = ${seq}`,
)

export const deleteOutgoing = prepareSql(
  ({ num, seq }: { num: number; seq: number }) =>
    sql<OutgoingRow>`delete from mqtt_outgoing where session_num = ${num} and seq = ${seq} returning *`,
)

export const insertIncoming = prepare((db, row: Tables['mqtt_incoming']) => {
  const { session_num, message_id, topic, payload } = row
  return db.replaceInto('mqtt_incoming').values({ session_num, message_id, topic, payload })
})

/** The same together with what else is to be committed with it. */
export async function insertBoth(
  db: Db,
  row: Tables['mqtt_incoming'],
  insert: (db: Db) => Promise<unknown>,
): Promise<void> {
  await db.transaction().execute(async tx => {
    await insertIncoming(tx, row)
    await insert(tx)
  })
}

export const findIncoming = prepare((db, { num, message_id }: { num: number; message_id: number }) =>
  db.selectFrom('mqtt_incoming').selectAll().where('session_num', '=', num).where('message_id', '=', message_id),
)

export const deleteIncoming = prepare((db, { num, message_id }: { num: number; message_id: number }) =>
  db.deleteFrom('mqtt_incoming').where('session_num', '=', num).where('message_id', '=', message_id),
)

export async function insertSubscriptions(
  db: Db,
  num: number,
  subs: readonly { filter: string; qos: number }[],
): Promise<void> {
  await sql`insert into mqtt_subscriptions (session_num, filter, qos)
    select ${num}, value ->> 'filter', value ->> 'qos' from json_each(${JSON.stringify(subs)}) where true
    on conflict do update set qos = excluded.qos`.execute(db)
}

export async function deleteSubscriptions(db: Db, num: number, filters: readonly string[]): Promise<void> {
  await sql`delete from mqtt_subscriptions where session_num = ${num}
    and filter in (select value from json_each(${JSON.stringify(filters)}))`.execute(db)
}

/** Every session as it is at a start, with what waits for it. */
export async function readSessions(db: Db) {
  const [sessions, subscriptions, incoming, queues] = await Promise.all([
    db
      .selectFrom('mqtt_sessions')
      .leftJoin('devices', 'devices.id', 'mqtt_sessions.device_id')
      .selectAll('mqtt_sessions')
      .select('devices.home_id')
      .execute(),
    db.selectFrom('mqtt_subscriptions').selectAll().execute(),
    db.selectFrom('mqtt_incoming').select(['session_num', 'message_id']).execute(),
    db
      .selectFrom('mqtt_outgoing')
      .groupBy('session_num')
      .select('session_num')
      .select(eb => [eb.fn.countAll<number>().as('waiting'), eb.fn.max('seq').as('last')])
      .select(sql<number>`sum(octet_length(payload))`.as('bytes'))
      .execute(),
  ])
  return { sessions, subscriptions, incoming, queues: new Map(queues.map(queue => [queue.session_num, queue])) }
}

/** With everything they hold. */
export async function deleteSessions(db: Db, nums: readonly number[]): Promise<void> {
  await sql`delete from mqtt_sessions where num in (select value from json_each(${JSON.stringify(nums)}))`.execute(db)
}

/** Which of these sessions there are still. */
export async function remaining(db: Db, nums: readonly number[]): Promise<Set<number>> {
  const rows = await db
    .selectFrom('mqtt_sessions')
    .select('num')
    .where(sql<boolean>`num in (select value from json_each(${JSON.stringify(nums)}))`)
    .execute()
  return new Set(rows.map(({ num }) => num))
}

/** Writes down that the clients of these sessions are there, or were until just now. */
export async function recordSeenSessions(db: Db, nums: readonly number[], now: number): Promise<void> {
  await sql`update mqtt_sessions set seen_at = ${now}
    where num in (select value from json_each(${JSON.stringify(nums)}))`.execute(db)
}
