import { type Kysely, sql } from 'kysely'

/**
 * Fields may be kept shorter than others of their device, and rollups by hour and day may go too. All times in milliseconds since 1970. The rollups
 * by minute of an hour go by their field, no more by the hour's state; state 6 is that of an hour whose rollups by hour are gone as well.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of made) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of former) await sql.raw(statement).execute(db)
}

const made = [
  'alter table homes add column retention_fields text',
  'alter table devices add column retention_fields text',
  // What samples, and rollups by minute, say of a field before these times is gone; before the third it is out of the samples.
  'alter table telemetry_fields add column raw_from integer not null default 0',
  'alter table telemetry_fields add column minutes_from integer not null default 0',
  'alter table telemetry_fields add column trimmed_to integer not null default 0',
  'create index telemetry_fields_untrimmed on telemetry_fields (device_num, name) where trimmed_to < raw_from',
  // 1 when the rollups by hour of a day are being deleted, and 2 when they are: the day stands alone.
  'alter table telemetry_days add column state integer not null default 0',
  'create index telemetry_days_aged on telemetry_days (device_num, state, end)',
  'drop index telemetry_hours_minutes',
  // The hours whose samples are gone, but for what of them is still to be deleted.
  'create index telemetry_hours_left on telemetry_hours (device_num, start) where state in (3, 4, 6) and pack_at is not null',
]

const former = [
  'drop index telemetry_hours_left',
  'create index telemetry_hours_minutes on telemetry_hours (device_num, start) where state in (2, 4)',
  'delete from telemetry_hours where state = 6',
  'drop index telemetry_days_aged',
  'alter table telemetry_days drop column state',
  'drop index telemetry_fields_untrimmed',
  'alter table telemetry_fields drop column trimmed_to',
  'alter table telemetry_fields drop column minutes_from',
  'alter table telemetry_fields drop column raw_from',
  'alter table devices drop column retention_fields',
  'alter table homes drop column retention_fields',
]
