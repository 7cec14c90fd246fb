import { type Kysely, sql } from 'kysely'

/** Whom to tell of alerts, how, and what became of it. All times in milliseconds since 1970. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['notification_attempts', 'notifications', 'notification_policies', 'contacts'])
    await db.schema.dropTable(table).execute()
}

const statements = [
  `create table contacts (id text primary key, home_id text not null references homes on delete cascade, name text not null,
    kind text not null, url text, address text, server text, topic text, sealed text, status text not null, created_by text not null,
    created_at integer not null, updated_at integer not null) strict, without rowid`,
  'create index contacts_home on contacts (home_id, id)',
  `create table notification_policies (home_id text primary key references homes on delete cascade, policy text not null,
    updated_at integer not null) strict, without rowid`,
  `create table notifications (id text primary key, home_id text not null references homes on delete cascade,
    alert_id text references alerts on delete cascade, contact_id text references contacts on delete set null, contact_name text not null,
    kind text not null, event text not null, round integer not null, step integer not null, data text not null, status text not null,
    attempts integer not null, max_attempts integer not null, next_at integer, last_error text, created_at integer not null,
    settled_at integer) strict, without rowid`,
  // Nothing is planned twice, whenever the hub is killed.
  'create unique index notifications_once on notifications (alert_id, round, step, event, contact_id)',
  'create index notifications_due on notifications (contact_id, next_at) where next_at is not null',
  "create index notifications_open on notifications (contact_id, status) where status in ('pending', 'sending')",
  'create index notifications_status on notifications (status, id)',
  'create index notifications_contact on notifications (contact_id)',
  'create index notifications_home on notifications (home_id)',
  'create index notifications_settled on notifications (settled_at) where settled_at is not null',
  `create table notification_attempts (notification_id text not null references notifications on delete cascade, attempt integer not null,
    at integer not null, ms integer not null, fault text, primary key (notification_id, attempt)) strict, without rowid`,
]
