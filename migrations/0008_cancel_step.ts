import { type Kysely, sql } from 'kysely'

/** That a device is asked not to run a command, or to stop, is a step of the command as well. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`create trigger command_cancel_asked after update of cancel_requested_at on commands
      when old.cancel_requested_at is null and new.cancel_requested_at is not null begin
      insert into command_steps (command_id, device_id, at, status, progress, attempt, counted)
      values (new.id, new.device_id, new.cancel_requested_at, 'cancel_requested', new.progress, new.attempt, 1); end`)
    .execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop trigger command_cancel_asked').execute(db)
  await sql.raw("delete from command_steps where status = 'cancel_requested'").execute(db)
}
