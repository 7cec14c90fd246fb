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

/** However often a device says the same again, its steps stay few. */
const repeat = (action: string, when: string) =>
  step(
    action,
    `case when ${when} then (select count(*) from alert_steps where alert_id = new.id and action in ${repeats}) < ${most} end`,
  )

const isAgain = 'old.cleared_at is not null and new.cleared_at is null'
const isOther = 'old.severity <> new.severity'
const isOver = 'old.cleared_at is null and new.cleared_at is not null'
const moved = `${step('acknowledged', "old.status <> 'acknowledged' and new.acknowledged_at is not old.acknowledged_at")}
    ${step('escalated', 'old.escalated_at is not new.escalated_at')}
    ${step('closed', 'old.closed_at is null and new.closed_at is not null')}`

const statements = [
  'create index alert_steps_action on alert_steps (alert_id, action)',
  'drop trigger alert_steps_on',
  `create trigger alert_steps_on after update on alerts begin
    ${repeat('raised_again', isAgain)}
    ${repeat('severity_changed', isOther)}
    ${repeat('cleared', isOver)}
    ${moved}
  end`,
  // A policy escalates what comes and goes for as long as it does: the oldest of these make room.
  `create trigger alert_moves_on after insert on alert_steps when new.action in ${moves} begin
    delete from alert_steps where id in (select id from alert_steps where alert_id = new.alert_id and action in ${moves}
      order by id desc limit -1 offset ${most});
  end`,
]

const former = [
  'drop trigger alert_moves_on',
  'drop trigger alert_steps_on',
  'drop index alert_steps_action',
  `create trigger alert_steps_on after update on alerts when (select count(*) from alert_steps where alert_id = new.id) < ${most} begin
    ${step('raised_again', isAgain)}
    ${step('severity_changed', isOther)}
    ${step('cleared', isOver)}
    ${moved}
  end`,
]
