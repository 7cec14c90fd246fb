import { type Kysely, sql } from 'kysely'

/**
 * MQTT sessions with what they keep, and the retained messages of programs. A session ends with its owner, in the same transaction: by a
 * reference where the owner is deleted, by a trigger where it is only switched off.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...triggers]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...triggers].toReversed()) {
    const [, kind = '', name = ''] = /^create (table|index|trigger) (\w+)/.exec(statement) ?? []
    await sql.raw(`drop ${kind} ${name}`).execute(db)
  }
}

const tables = [
  `create table mqtt_sessions (num integer primary key, client_id text not null unique, kind text,
    device_id text references devices (id) on delete cascade, user_id text references users on delete cascade,
    token_id text references service_tokens on delete cascade, seen_at integer not null) strict`,
  'create index mqtt_sessions_device on mqtt_sessions (device_id)',
  'create index mqtt_sessions_user on mqtt_sessions (user_id)',
  'create index mqtt_sessions_token on mqtt_sessions (token_id)',
  `create table mqtt_subscriptions (session_num integer not null references mqtt_sessions on delete cascade, filter text not null,
    qos integer not null, primary key (session_num, filter)) strict, without rowid`,
  `create table mqtt_outgoing (session_num integer not null references mqtt_sessions on delete cascade, seq integer not null,
    cmd text not null, topic text not null, payload any not null, qos integer not null, message_id integer,
    primary key (session_num, seq)) strict, without rowid`,
  `create table mqtt_incoming (session_num integer not null references mqtt_sessions on delete cascade, message_id integer not null,
    topic text not null, payload any not null, primary key (session_num, message_id)) strict, without rowid`,
  'create table mqtt_retained (topic text primary key, payload any not null, qos integer not null) strict, without rowid',
]

/** What lies below a device's prefix; `0` is the character behind `/`. */
const belowDevice = `topic > 'homes/' || old.home_id || '/devices/' || old.id || '/'
    and topic < 'homes/' || old.home_id || '/devices/' || old.id || '0'`

const triggers = [
  `create trigger mqtt_device_moves after update of home_id on devices when new.home_id <> old.home_id begin
    delete from mqtt_outgoing where session_num in (select num from mqtt_sessions where device_id = old.id);
    delete from mqtt_retained where ${belowDevice}; end`,
  `create trigger mqtt_device_goes after delete on devices begin delete from mqtt_retained where ${belowDevice}; end`,
  `create trigger mqtt_person_goes after update of status on users when new.status <> 'active' begin
    delete from mqtt_sessions where user_id = old.id; end`,
  `create trigger mqtt_token_goes after update of revoked_at on service_tokens when new.revoked_at is not null begin
    delete from mqtt_sessions where token_id = old.id; end`,
]
