import { type Kysely, sql } from 'kysely'

/** Writes that are asked for twice are done once; commands can be asked to stop, and planned; a device's steps can be read as one list. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...columns, ...tables, ...triggers('command_id, device_id', 'new.id, new.device_id')])
    await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    ...dropTriggers,
    'drop table command_schedules',
    'drop table idempotency_keys',
    'drop index command_steps_device',
    'alter table command_steps drop column device_id',
    'drop index commands_open_of_device',
    'drop index commands_idempotency',
    'alter table commands drop column schedule_id',
    'alter table commands drop column cancel_requested_at',
    'alter table commands drop column idempotency_key',
    ...triggers('command_id', 'new.id').slice(dropTriggers.length),
  ])
    await sql.raw(statement).execute(db)
}

const columns = [
  'alter table commands add column idempotency_key text',
  'alter table commands add column cancel_requested_at integer',
  'alter table commands add column schedule_id text',
  `create unique index commands_idempotency on commands (issued_by, idempotency_key, device_id)
    where idempotency_key is not null`,
  // What is open of a device's commands is found without going through all that it ever got.
  'create index commands_open_of_device on commands (device_id, id) where settled_at is null',
  'alter table command_steps add column device_id text',
  'update command_steps set device_id = (select device_id from commands where commands.id = command_id)',
  'create index command_steps_device on command_steps (device_id, id)',
]

const tables = [
  `create table idempotency_keys (actor text not null, key text not null, fingerprint text not null, at integer not null,
    target text not null, home_id text, status integer, body text, etag text, primary key (actor, key)) strict, without rowid`,
  'create index idempotency_keys_time on idempotency_keys (at)',
  `create table command_schedules (id text primary key, device_id text references devices (id) on delete cascade,
    group_id text references device_groups on delete cascade, name text not null, params text not null, ttl_seconds real not null,
    collapse_key text, at integer, cron text, timezone text not null, status text not null, next_at integer, last_at integer,
    last_error text, created_by text not null, created_at integer not null, updated_at integer not null) strict, without rowid`,
  'create index command_schedules_due on command_schedules (next_at) where next_at is not null',
  'create index command_schedules_device on command_schedules (device_id)',
  'create index command_schedules_group on command_schedules (group_id)',
]

const dropTriggers = ['drop trigger command_begins', 'drop trigger command_steps_on']

const triggers = (names: string, values: string) => {
  const insert = `insert into command_steps (${names}, at, status, progress, attempt, counted)
    values (${values}, new.updated_at, new.status, new.progress, new.attempt, 1)`
  return [
    ...dropTriggers,
    `create trigger command_begins after insert on commands begin ${insert}; end`,
    `create trigger command_steps_on after update on commands
      when new.status <> old.status or new.attempt <> old.attempt or (new.progress is not old.progress
        and (select count(*) from command_steps where command_id = new.id) < 1000) begin ${insert}; end`,
  ]
}
