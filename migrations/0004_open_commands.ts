import { type Kysely, sql } from 'kysely'

/** What is open of a device's commands is found without going through all that it ever got. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('create index commands_open_of_device on commands (device_id, id) where settled_at is null').execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('drop index commands_open_of_device').execute(db)
}
