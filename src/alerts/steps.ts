import { type Selectable, sql } from 'kysely'
import { HubError } from '../errors.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

type AlertStep = Selectable<Tables['alert_steps']>

/** Comments on one alert. */
const maxComments = 1000
/** More than an alert has: triggers keep 1000 of what is repeated, and 1000 acknowledgements and escalations. */
const maxSteps = 4000

/** What became of an alert, in order. */
export async function stepsOf(db: Db, alert_id: string): Promise<AlertStep[]> {
  const steps = db.selectFrom('alert_steps').selectAll().where('alert_id', '=', alert_id)
  return (await steps.orderBy('id', 'desc').limit(maxSteps).execute()).reverse()
}

/** @throws HubError `conflict` when an alert has as many comments as it may have */
export async function checkCommentable(db: Db, alert_id: string): Promise<void> {
  const { held } = await db
    .selectFrom('alert_steps')
    .select(eb => eb.fn.countAll<number>().as('held'))
    .where('alert_id', '=', alert_id)
    .where('action', '=', 'commented')
    .executeTakeFirstOrThrow()
  if (held >= maxComments) throw new HubError('conflict', `The alert has ${maxComments} comments already.`)
}

/** Keeps what somebody has to say of an alert. */
export const commentAlert = (db: Db, id: string, actor: string, comment: string) =>
  sql`insert into alert_steps (alert_id, at, action, actor, status, severity, comment)
    select id, ${Date.now()}, 'commented', ${actor}, status, severity, ${comment} from alerts where id = ${id}`.execute(
    db,
  )
