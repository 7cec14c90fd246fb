import { type Kysely, sql } from 'kysely'

/** Until when a device said it sleeps, and every change of presence with its time, written by the database with the change itself. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const trigger of ['presence_begins', 'presence_goes_on']) await sql.raw(`drop trigger ${trigger}`).execute(db)
  await db.schema.dropTable('presence_changes').execute()
  await sql.raw('drop index presence_sleeping').execute(db)
  for (const column of ['wakes_at', 'next_in']) await sql.raw(`alter table presence drop column ${column}`).execute(db)
  await sql.raw(`update presence set status = 'offline' where status = 'sleeping'`).execute(db)
}

const statements = [
  'alter table presence add column wakes_at integer',
  'alter table presence add column next_in integer',
  `create index presence_sleeping on presence (wakes_at) where status = 'sleeping'`,
  `create table presence_changes (id integer primary key, device_id text not null references devices (id) on delete cascade,
    at integer not null, status text not null, reason text, session integer not null) strict`,
  'create index presence_changes_device on presence_changes (device_id, id)',
  'create index presence_changes_time on presence_changes (at)',
  `create trigger presence_begins after insert on presence begin
    insert into presence_changes (device_id, at, status, reason, session)
    values (new.device_id, new.since, new.status, new.reason, new.session); end`,
  `create trigger presence_goes_on after update on presence
    when new.since <> old.since or new.status <> old.status or new.session <> old.session begin
    insert into presence_changes (device_id, at, status, reason, session)
    values (new.device_id, new.since, new.status, new.reason, new.session); end`,
  // What is there already begins with what is known of it.
  `insert into presence_changes (device_id, at, status, reason, session)
    select device_id, since, status, reason, session from presence`,
]
