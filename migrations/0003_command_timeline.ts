import { type Kysely, sql } from 'kysely'

/** Every step of a command with its time, written by the database with the step itself; of its progress no more than a thousand. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const trigger of ['command_begins', 'command_steps_on']) await sql.raw(`drop trigger ${trigger}`).execute(db)
  await db.schema.dropTable('command_steps').execute()
}

const statements = [
  `create table command_steps (id integer primary key, command_id text not null references commands on delete cascade, at integer not null,
    status text not null, progress real, attempt integer not null, counted integer not null) strict`,
  'create index command_steps_command on command_steps (command_id, id)',
  `create trigger command_begins after insert on commands begin
    insert into command_steps (command_id, at, status, progress, attempt, counted)
    values (new.id, new.updated_at, new.status, new.progress, new.attempt, 1); end`,
  `create trigger command_steps_on after update on commands
    when new.status <> old.status or new.attempt <> old.attempt or (new.progress is not old.progress
      and (select count(*) from command_steps where command_id = new.id) < 1000) begin
    insert into command_steps (command_id, at, status, progress, attempt, counted)
    values (new.id, new.updated_at, new.status, new.progress, new.attempt, 1); end`,
  // What is there already begins with what is known of it.
  `insert into command_steps (command_id, at, status, progress, attempt, counted)
    select id, updated_at, status, progress, attempt, 1 from commands`,
]
