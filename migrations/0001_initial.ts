import { type Kysely, sql } from 'kysely'

/** Everything the first hub keeps. Times are integer milliseconds since 1970; JSON is text. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of tables) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of tables.toReversed()) {
    const name = /^create table (\w+)/.exec(statement)?.[1]
    if (name) await db.schema.dropTable(name).execute()
  }
}

const tables = [
  `create table homes (id text primary key, name text not null, timezone text not null, created_at integer not null,
    updated_at integer not null) strict`,
  `create table users (id text primary key, email text not null unique collate nocase, username text not null unique collate nocase,
    password_hash text not null, role text not null, status text not null, created_at integer not null, updated_at integer not null) strict`,
  `create table refresh_tokens (hash blob primary key, user_id text not null references users on delete cascade, family_id text not null,
    created_at integer not null, expires_at integer not null, used_at integer) strict, without rowid`,
  'create index refresh_tokens_family on refresh_tokens (family_id)',
  `create table devices (num integer primary key autoincrement, id text not null unique, home_id text not null references homes,
    room_id text, name text not null, type text not null, location text, status text not null, firmware_version text, model text,
    hello text, created_at integer not null, updated_at integer not null) strict`,
  'create index devices_home on devices (home_id, id)',
  `create table device_keys (id text primary key, device_id text not null references devices (id) on delete cascade, name text not null,
    hash blob not null, created_at integer not null, expires_at integer, revoked_at integer, last_used_at integer,
    use_count integer not null) strict, without rowid`,
  'create index device_keys_device on device_keys (device_id)',
  `create table presence (device_id text primary key references devices (id) on delete cascade, home_id text not null,
    status text not null, reason text, since integer not null, last_seen_at integer not null, session integer not null) strict, without rowid`,
  `create table vitals (device_id text primary key references devices (id) on delete cascade, home_id text not null,
    received_at integer not null, vitals text not null) strict, without rowid`,
  `create table heartbeats (id integer primary key, device_id text not null references devices (id) on delete cascade,
    home_id text not null, received_at integer not null, vitals text not null) strict`,
  'create index heartbeats_device on heartbeats (device_id, id)',
  'create index heartbeats_time on heartbeats (received_at)',
  `create table device_state (device_id text primary key references devices (id) on delete cascade, home_id text not null,
    reported text not null, reported_version integer not null, reported_at integer, desired text not null,
    desired_version integer not null, desired_at integer) strict, without rowid`,
  `create table telemetry (device_num integer not null, ts integer not null, received_at integer not null, data text not null,
    metadata text, quality text, message_id integer, primary key (device_num, ts)) strict, without rowid`,
  'create table latest (device_num integer primary key, latest text not null) strict',
  `create table events (id integer primary key, device_id text not null references devices (id) on delete cascade, home_id text not null,
    kind text not null, ts integer not null, received_at integer not null, data text not null, message_id integer) strict`,
  'create index events_device on events (device_id, id)',
  `create table device_log (id integer primary key, device_id text not null references devices (id) on delete cascade,
    home_id text not null, received_at integer not null, level text not null, message text not null, message_id integer) strict`,
  'create index device_log_device on device_log (device_id, id)',
  'create index device_log_time on device_log (received_at)',
  `create table quarantine (id text primary key, device_id text not null references devices (id) on delete cascade,
    home_id text not null, topic text not null, payload blob not null, reason text not null, message text not null,
    received_at integer not null, replayed_at integer) strict, without rowid`,
  'create index quarantine_time on quarantine (received_at)',
  'create index quarantine_device on quarantine (device_id, id)',
  `create table commands (id text primary key, device_id text not null references devices (id) on delete cascade,
    home_id text not null, name text not null, params text not null, status text not null, collapse_key text, issued_by text not null,
    issued_at integer not null, expires_at integer not null, sent_at integer, delivered_at integer, settled_at integer,
    attempt integer not null, progress integer, result text, error text, updated_at integer not null) strict, without rowid`,
  'create index commands_device on commands (device_id, id)',
  'create index commands_open on commands (expires_at) where settled_at is null',
  `create table jobs (name text primary key, last_run_at integer not null, last_error text, duration_ms integer not null) strict`,
  'create table probe (id integer primary key, written_at integer not null) strict',
]
