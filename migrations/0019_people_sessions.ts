import { type Kysely, sql } from 'kysely'

/** A login is a row of its own: which of its refresh tokens is the newest, and when it was last exchanged, from where and by what. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of former) await sql.raw(statement).execute(db)
}

const lifeMs = 30 * 86_400_000
/** Of no session: what was spent until now is not answered again. */
const spent = -2

const statements = [
  `create table sessions (id text primary key, user_id text not null references users on delete cascade, created_at integer not null,
    last_used_at integer not null, generation integer not null, address text, user_agent text) strict, without rowid`,
  'create index sessions_user on sessions (user_id)',
  `insert into sessions (id, user_id, created_at, last_used_at, generation)
    select family_id, user_id, min(created_at), max(created_at), 0 from refresh_tokens group by family_id`,
  'alter table refresh_tokens rename to former_tokens',
  `create table refresh_tokens (hash blob primary key, session_id text not null references sessions on delete cascade,
    generation integer not null, expires_at integer not null) strict, without rowid`,
  `insert into refresh_tokens (hash, session_id, generation, expires_at)
    select hash, family_id, iif(used_at is null, 0, ${spent}), expires_at from former_tokens`,
  'drop table former_tokens',
  'create index refresh_tokens_session on refresh_tokens (session_id)',
]

const former = [
  'alter table refresh_tokens rename to later_tokens',
  `create table refresh_tokens (hash blob primary key, user_id text not null references users on delete cascade, family_id text not null,
    created_at integer not null, expires_at integer not null, used_at integer) strict, without rowid`,
  `insert into refresh_tokens (hash, user_id, family_id, created_at, expires_at, used_at)
    select hash, user_id, sessions.id, expires_at - ${lifeMs}, expires_at,
      iif(later_tokens.generation = sessions.generation, null, last_used_at)
    from later_tokens join sessions on sessions.id = session_id`,
  'drop table later_tokens',
  'create index refresh_tokens_family on refresh_tokens (family_id)',
  'drop table sessions',
]
