import { sql } from 'kysely'
import { z } from 'zod'
import { HubError } from '../errors.js'
import { severities } from '../inbound.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'

const severity = z.enum(severities)
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is no time of day, like 22:00')
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const week = 7 * 86_400

const step = z.strictObject({
  after_seconds: z.int().min(0).max(week).describe('From when the alert was raised'),
  contact_ids: z
    .array(z.string().max(64))
    .max(100)
    .nullable()
    .default(null)
    .describe('Whom to tell; null for every contact of the home'),
  min_severity: severity.default('warning').describe('What is less severe is not told in this step'),
})

const quietHours = z
  .strictObject({
    from: clock.describe('In the time zone of the home'),
    to: clock,
    days: z.array(z.enum(weekdays)).min(1).max(7).optional().describe('On which they begin; every day when left out'),
    passes: severity.default('critical').describe('What is as severe as this, or more, is told all the same'),
  })
  .refine(({ from, to }) => from !== to, 'ends when it begins')
export type QuietHours = z.infer<typeof quietHours>

/** Whom a home tells of its alerts, and when. */
export const policyShape = {
  steps: z
    .array(step)
    .max(10)
    .refine(
      steps => steps.every((one, i) => one.after_seconds >= (steps[i - 1]?.after_seconds ?? 0)),
      'are not in the order of after_seconds',
    )
    .describe('One after the other, until somebody acknowledges the alert or it is over. None: nobody is told'),
  repeat: z
    .strictObject({ every_seconds: z.int().min(60).max(week), times: z.int().min(1).max(100) })
    .nullable()
    .describe('The last step is told again so often; null for once'),
  quiet_hours: quietHours.nullable().describe('What is raised meanwhile is told when they end, if it is not over'),
  tell_closed: z.boolean().describe('Whether those who were told of an alert are told that it is over'),
  close_after_days: z
    .int()
    .min(1)
    .max(3650)
    .nullable()
    .describe('After so many days an alert that is cleared closes by itself; null for never'),
}
const policySchema = z.strictObject(policyShape)
export type Policy = z.infer<typeof policySchema>

/** Of a home that has said nothing else: everybody is told at once, and of no more than a warning. */
export const defaultPolicy: Policy = {
  steps: [{ after_seconds: 0, contact_ids: null, min_severity: 'warning' }],
  repeat: null,
  quiet_hours: null,
  tell_closed: true,
  close_after_days: 7,
}

/** With the home that it is of, and when it was changed: null while it is the default. */
export type PolicyOfHome = Policy & { readonly home_id: string; readonly updated_at: number | null }

const withHome = ({
  home_id,
  policy,
  updated_at,
}: {
  home_id: string
  policy: unknown
  updated_at: number | null
}) => ({
  ...defaultPolicy,
  ...(policy === null ? {} : policySchema.parse(policy)),
  home_id,
  updated_at,
})

const rows = (db: Db) =>
  db
    .selectFrom('homes')
    .leftJoin('notification_policies', 'notification_policies.home_id', 'homes.id')
    .select(['homes.id as home_id', 'policy', 'notification_policies.updated_at as updated_at'])

/** @param homes those to choose from; null for all */
export async function listPolicies(
  db: Db,
  { homes, limit, cursor }: PageRequest & { homes: readonly string[] | null },
): Promise<Page<PolicyOfHome>> {
  let query = rows(db).orderBy('homes.id')
  if (homes) query = query.where('homes.id', 'in', homes)
  if (cursor) query = query.where('homes.id', '>', decodeCursor(cursor, 'string'))
  const page = await readPage(query, { limit, keyOf: row => row.home_id, large: ['policy'] })
  return { ...page, rows: page.rows.map(withHome) }
}

/** The policy of a home; the default for one that is not there. */
export async function policyOf(db: Db, home_id: string): Promise<PolicyOfHome> {
  const row = await rows(db).where('homes.id', '=', home_id).executeTakeFirst()
  return withHome(row ?? { home_id, policy: null, updated_at: null })
}

/**
 * Alerts of the home that wait for a time which the former policy set, or that it had nobody told of, are looked at again.
 * @throws HubError `invalid_request` when it names contacts that the home does not have
 */
export async function updatePolicy(
  db: Db,
  home_id: string,
  changes: { readonly [Name in keyof Policy]?: Policy[Name] | undefined },
): Promise<PolicyOfHome> {
  const { home_id: _, updated_at: __, ...former } = await policyOf(db, home_id)
  const policy = policySchema.parse({ ...former, ...changes })
  const named = policy.steps.flatMap(({ contact_ids }) => contact_ids ?? [])
  const known = await db.selectFrom('contacts').select('id').where('home_id', '=', home_id).execute()
  const ids = new Set(known.map(({ id }) => id))
  const unknown = named.filter(id => !ids.has(id))
  if (unknown.length > 0)
    throw new HubError(
      'invalid_request',
      'The home has no such contact.',
      unknown.map(id => `body/steps: ${id}`),
    )
  const updated_at = Date.now()
  await write(db, home_id, policy, updated_at)
  await sql`update alerts set notify_at = ${updated_at} where home_id = ${home_id} and (notify_at > ${updated_at}
    or notify_at is null and status in ('open', 'escalated') and cleared_at is null)`.execute(db)
  return { ...policy, home_id, updated_at }
}

const write = (db: Db, home_id: string, policy: Policy, updated_at: number) =>
  db.replaceInto('notification_policies').values({ home_id, policy, updated_at }).execute()

/**
 * Takes a contact out of the steps of a home's policy.
 * @throws HubError `conflict` when a step would tell nobody without it: silence is for people to choose
 */
export async function withoutContact(db: Db, home_id: string, contact_id: string): Promise<void> {
  const { home_id: _, updated_at, ...policy } = await policyOf(db, home_id)
  if (updated_at === null) return
  const alone = policy.steps.findIndex(({ contact_ids }) => contact_ids?.length === 1 && contact_ids[0] === contact_id)
  if (alone >= 0)
    throw new HubError('conflict', `Step ${alone + 1} of the home’s policy tells nobody else: change the policy first.`)
  const steps = policy.steps.map(one => ({
    ...one,
    contact_ids: one.contact_ids?.filter(id => id !== contact_id) ?? null,
  }))
  await write(db, home_id, { ...policy, steps }, Date.now())
}

const closedAtOnce = 100

/** Alerts that have been over for longer than their home wants to see them; more than 100 wait for the next time. */
export function overdueAlerts(db: Db, now: number): Promise<{ id: string; home_id: string }[]> {
  const standard = defaultPolicy.close_after_days
  const days = sql<number>`case when policy is null then ${standard} else json_extract(policy, '$.close_after_days') end`
  return db
    .selectFrom('alerts')
    .leftJoin('notification_policies', 'notification_policies.home_id', 'alerts.home_id')
    .select(['alerts.id', 'alerts.home_id'])
    .where('cleared_at', 'is not', null)
    .where('closed_at', 'is', null)
    .where(sql<boolean>`cleared_at <= ${now} - ${days} * 86400000`)
    .limit(closedAtOnce)
    .execute()
}
