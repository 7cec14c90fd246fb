import { type Insertable, sql } from 'kysely'
import type { Alert } from '../alerts/rows.js'
import { newSortableId } from '../ids.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import type { Contact } from './contacts.js'
import { type Notice, noticeOf } from './notice.js'
import { oftenMs, type Plan, planOf, type Telling } from './plan.js'
import { policyOf } from './policies.js'

/** Alerts that are looked at in one go; the others follow at once. */
const plannedAtOnce = 50
const againMs = 60_000
/** Notifications that may wait for one contact; more are dead at once, so that a receiver that is gone does not fill the disk. */
const maxWaiting = 1000

/** A contact as an alert sees it. */
type Known = Pick<Contact, 'id' | 'name' | 'kind'> & {
  /** 1 when it was told of this alert, and not yet that it is over. */
  readonly told: number
  /** How many notifications wait for it. */
  readonly waiting: number
}

/**
 * Writes down whom to tell of the alerts whose time has come, and when to look at them again: both or neither, once.
 * @param now milliseconds since 1970
 * @param failed called with an alert that nothing could be planned for; it is looked at again in a minute, and holds up no other
 * @returns the alerts that others see changed, and whether more are due
 */
export async function planDue(
  db: Db,
  max_attempts: number,
  now: number,
  failed: (error: unknown, alert: Alert) => void,
): Promise<{ changed: Alert[]; more: boolean }> {
  const due = await db
    .selectFrom('alerts')
    .selectAll()
    .where('notify_at', '<=', now)
    .orderBy('notify_at')
    .limit(plannedAtOnce)
    .execute()
  const changed: Alert[] = []
  for (const alert of due) {
    const planned = await planOne(db, alert, max_attempts, now).catch(async error => {
      failed(error, alert)
      await postpone(db, alert, now + againMs)
      return undefined
    })
    if (planned && (planned.escalated_at !== alert.escalated_at || planned.told !== alert.told)) changed.push(planned)
  }
  return { changed, more: due.length === plannedAtOnce }
}

async function planOne(db: Db, alert: Alert, max_attempts: number, now: number): Promise<Alert | undefined> {
  const [home, device, policy, contacts, begun_at, tellings] = await Promise.all([
    db.selectFrom('homes').select(['id', 'name', 'timezone']).where('id', '=', alert.home_id).executeTakeFirst(),
    deviceOf(db, alert.device_id),
    policyOf(db, alert.home_id),
    contactsOf(db, alert),
    beginOfRound(db, alert),
    tellingsOf(db, alert, now),
  ])
  if (!home) return undefined
  const told = contacts.filter(one => one.told === 1).map(({ id }) => id)
  const ids = contacts.map(({ id }) => id)
  const plan = planOf({ alert, policy, timezone: home.timezone, begun_at, told, tellings, contacts: ids, now })
  const notice = noticeOf(plan.event, alert, { home, device, step: Math.max(0, plan.step - 1) }, now)
  const rows = contacts
    .filter(({ id }) => plan.contacts.includes(id))
    .map(contact => rowOf(alert, contact, plan, notice, max_attempts))
  const isOver = plan.event === 'cleared' || plan.event === 'closed'
  // One statement needs no transaction, which holds everybody's messages up.
  if (rows.length === 0 && !isOver) return move(db, alert, plan, now)
  return db.transaction().execute(async tx => {
    const moved = await move(tx, alert, plan, now)
    if (!moved) return undefined
    if (isOver) await cancelUnsent(tx, alert.id, now)
    if (rows.length > 0)
      await tx
        .insertInto('notifications')
        .values(rows)
        .onConflict(of => of.doNothing())
        .execute()
    return moved
  })
}

/** When the next alert has to be looked at, milliseconds since 1970; null for never. */
export async function nextToPlan(db: Db): Promise<number | null> {
  const first = await db
    .selectFrom('alerts')
    .select('notify_at')
    .where('notify_at', 'is not', null)
    .orderBy('notify_at')
    .limit(1)
    .executeTakeFirst()
  return first?.notify_at ?? null
}

/** @throws HubError when the fault was the store's: then everything waits for that */
const postpone = (db: Db, { id, notify_at }: Alert, later: number) =>
  db.updateTable('alerts').set({ notify_at: later }).where('id', '=', id).where('notify_at', '=', notify_at).execute()

/** Moves the alert on, if it is still as it was read. */
function move(
  tx: Db,
  alert: Alert,
  { event, contacts, step, notify_at }: Plan,
  now: number,
): Promise<Alert | undefined> {
  const isTold = contacts.length > 0
  // Who escalated it by hand has written that down already.
  const escalates = event === 'escalated' && isTold && alert.escalated_at !== alert.notify_at
  return tx
    .updateTable('alerts')
    .set({ step, notify_at })
    .$if(isTold, query => query.set({ told: 1, updated_at: now }))
    .$if(escalates, query => query.set({ status: 'escalated', escalated_at: now, actor: `policy/${alert.home_id}` }))
    .where('id', '=', alert.id)
    .where('notify_at', '=', alert.notify_at)
    .where('round', '=', alert.round)
    .where('step', '=', alert.step)
    .where('status', '=', alert.status)
    .where('updated_at', '=', alert.updated_at)
    .returningAll()
    .executeTakeFirst()
}

const ends = ['cleared', 'closed'] as const

/** Nobody need hear first that it was raised when it is over. */
const cancelUnsent = (tx: Db, alert_id: string, now: number) =>
  tx
    .updateTable('notifications')
    .set({ status: 'cancelled', next_at: null, settled_at: now })
    .where('alert_id', '=', alert_id)
    .where('status', '=', 'pending')
    .where('attempts', '=', 0)
    .where('event', 'not in', ends)
    .execute()

function rowOf(alert: Alert, contact: Known, plan: Plan, data: Notice, max_attempts: number) {
  const { id: contact_id, name: contact_name, kind, waiting } = contact
  const isFull = waiting >= maxWaiting
  const now = data.timestamp
  const row: Insertable<Tables['notifications']> = {
    id: newSortableId(),
    home_id: alert.home_id,
    alert_id: alert.id,
    contact_id,
    contact_name,
    kind,
    event: plan.event,
    round: alert.round,
    step: data.data.step,
    data,
    status: isFull ? 'dead' : 'pending',
    attempts: 0,
    max_attempts,
    next_at: isFull ? null : now,
    last_error: isFull ? `${maxWaiting} others wait for this contact` : null,
    created_at: now,
    settled_at: isFull ? now : null,
  }
  return row
}

async function deviceOf(db: Db, id: string | null): Promise<{ id: string; name: string } | null> {
  if (id === null) return null
  return (await db.selectFrom('devices').select(['id', 'name']).where('id', '=', id).executeTakeFirst()) ?? null
}

/** The contacts of the home, each with whether it was told of this alert last that it is not over. */
const contactsOf = (db: Db, { id, home_id }: Alert): Promise<Known[]> =>
  db
    .selectFrom('contacts')
    .select(['id', 'name', 'kind'])
    .select([
      sql<number>`ifnull((select event not in (${sql.join(ends)}) from notifications where alert_id = ${id}
        and contact_id = contacts.id and status <> 'cancelled' and (attempts > 0 or event in (${sql.join(ends)}))
        order by created_at desc, id desc limit 1), 0)`.as('told'),
      sql<number>`(select count(*) from notifications where contact_id = contacts.id and status in ('pending', 'sending'))`.as(
        'waiting',
      ),
    ])
    .where('home_id', '=', home_id)
    .where('status', '=', 'active')
    .orderBy('id')
    .execute()

/** When it was raised for this round, milliseconds since 1970. */
async function beginOfRound(db: Db, { id, round, raised_at }: Alert): Promise<number> {
  if (round === 0) return raised_at
  const last = await db
    .selectFrom('alert_steps')
    .select(eb => eb.fn.max('at').as('at'))
    .where('alert_id', '=', id)
    .where('action', 'in', ['raised', 'raised_again', 'severity_changed'])
    .executeTakeFirst()
  return last?.at ?? raised_at
}

/** What was told in this round of an alert, and in the others within the time that counts. */
async function tellingsOf(db: Db, { id, round, step }: Alert, now: number): Promise<Telling[]> {
  if (round === 0 && step === 0) return []
  const { rows } =
    await sql<Telling>`select round, step, min(created_at) as at, data ->> '$.data.alert.severity' as severity
    from notifications where alert_id = ${id} and event not in (${sql.join(ends)}) and status <> 'cancelled'
      and (round = ${round} or created_at > ${now - oftenMs}) group by round, step`.execute(db)
  return rows
}
