import { type Kysely, sql } from 'kysely'

/** People, homes with rooms and members, groups, service tokens, claim codes, and the audit. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...columns]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop index commands_batch').execute(db)
  await sql.raw('alter table commands drop column batch_id').execute(db)
  await sql.raw('alter table users drop column token_version').execute(db)
  for (const statement of tables.toReversed()) {
    const name = /^create table (\w+)/.exec(statement)?.[1]
    if (name) await db.schema.dropTable(name).execute()
  }
}

const tables = [
  `create table members (user_id text not null references users on delete cascade, home_id text not null references homes on delete cascade,
    role text not null, created_at integer not null, primary key (user_id, home_id)) strict, without rowid`,
  'create index members_home on members (home_id)',
  `create table rooms (id text primary key, home_id text not null references homes on delete cascade, name text not null,
    created_at integer not null, updated_at integer not null) strict, without rowid`,
  'create index rooms_home on rooms (home_id)',
  `create table device_groups (id text primary key, name text not null, description text, colour text,
    user_id text references users on delete set null, created_at integer not null, updated_at integer not null) strict`,
  `create table group_devices (group_id text not null references device_groups on delete cascade,
    device_id text not null references devices (id) on delete cascade, created_at integer not null,
    primary key (group_id, device_id)) strict, without rowid`,
  'create index group_devices_device on group_devices (device_id)',
  `create table service_tokens (id text primary key, name text not null, hash blob not null, publish text not null,
    subscribe text not null, api text not null, created_by text not null, created_at integer not null, expires_at integer,
    revoked_at integer, last_used_at integer, use_count integer not null) strict, without rowid`,
  `create table claim_codes (id text primary key, hash blob not null unique, home_id text not null references homes on delete cascade,
    room_id text, type text, name text, created_by text not null, created_at integer not null, expires_at integer not null,
    used_at integer, device_id text) strict, without rowid`,
  'create index claim_codes_home on claim_codes (home_id)',
  `create table audit (seq integer primary key, at integer not null, actor_kind text not null, actor_id text, address text,
    request_id text, action text not null, target text, home_id text, outcome text not null, times integer not null, detail text,
    hash text not null) strict`,
  'create index audit_actor on audit (actor_id, seq)',
  'create index audit_home on audit (home_id, seq)',
  `create trigger audit_is_not_changed before update on audit begin select raise(abort, 'the audit is append-only'); end`,
  `create trigger audit_is_not_deleted before delete on audit begin select raise(abort, 'the audit is append-only'); end`,
]

const columns = [
  'alter table users add column token_version integer not null default 0',
  'alter table commands add column batch_id text',
  'create index commands_batch on commands (batch_id) where batch_id is not null',
]
