import { type Kysely, sql } from 'kysely'

/** Recordings, the work of listening to them, and what each home listens for. All times in milliseconds since 1970. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of made) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['model_config', 'work', 'recordings']) await sql.raw(`drop table ${table}`).execute(db)
}

const made = [
  `create table recordings (id text primary key, device_id text not null references devices (id) on delete cascade, home_id text not null,
    content_type text not null, bytes integer not null, sha256 text, recorded_at integer not null, status text not null,
    created_at integer not null, upload_until integer not null, enqueued_at integer, settled_at integer, attempts integer not null default 0,
    alerted integer not null default 0, result text, error text, deleted_at integer) strict, without rowid`,
  'create index recordings_device on recordings (device_id, id)',
  // What is not settled, and what of the settled still has its sound.
  `create index recordings_open on recordings (status, created_at) where status in ('waiting', 'queued')`,
  'create index recordings_held on recordings (settled_at) where settled_at is not null and deleted_at is null',
  `create table work (id text primary key, created_at integer not null, visible_at integer not null, attempts integer not null default 0,
    receipt text, dead_at integer, reason text) strict, without rowid`,
  'create index work_visible on work (visible_at) where dead_at is null',
  'create index work_dead on work (dead_at) where dead_at is not null',
  `create table model_config (home_id text not null references homes (id) on delete cascade, model_key text not null, enabled integer not null,
    thresholds text not null, severity text, updated_at integer not null, primary key (home_id, model_key)) strict, without rowid`,
]
