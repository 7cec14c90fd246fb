import { type Kysely, sql } from 'kysely'

/** Rules that raise alerts, how far they have been evaluated, and a count of the changes after which they may apply to other devices. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const name of Object.keys(changes)) await sql.raw(`drop trigger rules_scopes_${name}`).execute(db)
  for (const table of ['alert_rules', 'rule_evaluation']) await db.schema.dropTable(table).execute()
}

/** After what. */
const changes = {
  rule_made: 'insert on alert_rules',
  rule_changed: 'update on alert_rules',
  rule_gone: 'delete on alert_rules',
  device_made: 'insert on devices',
  device_changed: 'update of home_id, type, name on devices',
  device_gone: 'delete on devices',
  group_joined: 'insert on group_devices',
  group_left: 'delete on group_devices',
  home_changed: 'update of timezone on homes',
} as const

const statements = [
  `create table alert_rules (id text primary key, home_id text not null references homes on delete cascade,
    device_id text references devices (id) on delete cascade, group_id text references device_groups on delete cascade, type text,
    name text not null, enabled integer not null, severity text not null, message text, key text not null, condition text not null,
    active_hours text, clear_after_seconds real not null, auto_clear integer not null, created_by text not null,
    created_at integer not null, updated_at integer not null) strict, without rowid`,
  'create index alert_rules_home on alert_rules (home_id, id)',
  'create index alert_rules_device on alert_rules (device_id) where device_id is not null',
  'create index alert_rules_group on alert_rules (group_id) where group_id is not null',
  'create table rule_evaluation (id integer primary key, until integer, scopes integer not null default 0) strict',
  'insert into rule_evaluation (id) values (1)',
  ...Object.entries(changes).map(
    ([name, change]) =>
      `create trigger rules_scopes_${name} after ${change} begin update rule_evaluation set scopes = scopes + 1 where id = 1; end`,
  ),
]
