import { type Kysely, sql } from 'kysely'

/** Alerts with everything that became of them; triggers write the steps with the changes themselves. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const trigger of ['alert_begins', 'alert_steps_on']) await sql.raw(`drop trigger ${trigger}`).execute(db)
  for (const table of ['alert_steps', 'alerts']) await db.schema.dropTable(table).execute()
}

const step = (action: string, when: string) =>
  `insert into alert_steps (alert_id, at, action, actor, status, severity)
    select new.id, new.updated_at, '${action}', new.actor, new.status, new.severity where ${when};`

const statements = [
  `create table alerts (id text primary key, home_id text not null references homes on delete cascade,
    device_id text references devices (id) on delete cascade, key text not null, source text not null, rule_id text, severity text not null,
    message text not null, data text, status text not null, times integer not null, round integer not null, raised_at integer not null,
    last_raised_at integer not null, cleared_at integer, acknowledged_at integer, acknowledged_by text, escalated_at integer,
    closed_at integer, closed_by text, step integer not null, notify_at integer, told integer not null, actor text not null,
    updated_at integer not null) strict, without rowid`,
  // One open alert of a key, of a device or of a home as a whole.
  `create unique index alerts_open on alerts (ifnull(device_id, '/' || home_id), key) where closed_at is null`,
  'create index alerts_home on alerts (home_id, id)',
  'create index alerts_device on alerts (device_id, id)',
  'create index alerts_due on alerts (notify_at) where notify_at is not null',
  'create index alerts_cleared on alerts (cleared_at) where cleared_at is not null and closed_at is null',
  'create index alerts_closed on alerts (closed_at) where closed_at is not null',
  `create table alert_steps (id integer primary key, alert_id text not null references alerts on delete cascade, at integer not null,
    action text not null, actor text not null, status text not null, severity text not null, comment text) strict`,
  'create index alert_steps_alert on alert_steps (alert_id, id)',
  `create trigger alert_begins after insert on alerts begin ${step('raised', 'true')} end`,
  // However often a device says the same again, its steps stay few.
  `create trigger alert_steps_on after update on alerts when (select count(*) from alert_steps where alert_id = new.id) < 1000 begin
    ${step('raised_again', 'old.cleared_at is not null and new.cleared_at is null')}
    ${step('severity_changed', 'old.severity <> new.severity')}
    ${step('cleared', 'old.cleared_at is null and new.cleared_at is not null')}
    ${step('acknowledged', "old.status <> 'acknowledged' and new.acknowledged_at is not old.acknowledged_at")}
    ${step('escalated', 'old.escalated_at is not new.escalated_at')}
    ${step('closed', 'old.closed_at is null and new.closed_at is not null')}
  end`,
]
