import { type Kysely, sql } from 'kysely'

/** What people and policies do with an alert is in its timeline however often it was raised and cleared before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of former) await sql.raw(statement).execute(db)
}

const most = 1000
const repeats = "('raised_again', 'severity_changed', 'cleared')"
const moves = "('acknowledged', 'escalated')"

const step = (action: string, when: string) =>
  `insert into alert_steps (alert_id, at, action, actor, status, severity)
    select new.id, new.updated_at, '${action}', new.actor, new.status, new.severity where ${when};`

/** A device says the same again, and a policy escalates what comes and goes, for as long as they do: the oldest of these steps make room. */
const bounded = (name: string, actions: string) =>
  `create trigger ${name} after insert on alert_steps when new.action in ${actions} begin
    delete from alert_steps where id in (select id from alert_steps where alert_id = new.alert_id and action in ${actions}
      order by id desc limit -1 offset ${most});
  end`

const isAgain = 'old.cleared_at is not null and new.cleared_at is null'
const isOther = 'old.severity <> new.severity'
const isOver = 'old.cleared_at is null and new.cleared_at is not null'
const steps = `${step('raised_again', isAgain)}
    ${step('severity_changed', isOther)}
    ${step('cleared', isOver)}
    ${step('acknowledged', "old.status <> 'acknowledged' and new.acknowledged_at is not old.acknowledged_at")}
    ${step('escalated', 'old.escalated_at is not new.escalated_at')}
    ${step('closed', 'old.closed_at is null and new.closed_at is not null')}`

const statements = [
  'create index alert_steps_action on alert_steps (alert_id, action)',
  'drop trigger alert_steps_on',
  `create trigger alert_steps_on after update on alerts begin ${steps} end`,
  bounded('alert_repeats_on', repeats),
  bounded('alert_moves_on', moves),
]

const former = [
  'drop trigger alert_moves_on',
  'drop trigger alert_repeats_on',
  'drop trigger alert_steps_on',
  'drop index alert_steps_action',
  `create trigger alert_steps_on after update on alerts
    when (select count(*) from alert_steps where alert_id = new.id) < ${most} begin ${steps} end`,
]
