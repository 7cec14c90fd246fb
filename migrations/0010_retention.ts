import { type Kysely, sql } from 'kysely'

/**
 * Samples are let go of, and rollups stand for them. States of an hour beyond 0 to 2: 3 and 4 when its samples are gone, and it has no rollups by
 * minute or has them; 5 when it is to be given rollups by minute first.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...dropped, ...made, goes]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const undone = [
    'drop trigger telemetry_goes',
    'drop index telemetry_hours_open',
    'drop index telemetry_hours_held',
    'drop index telemetry_hours_minutes',
    'drop table telemetry_late',
    'drop table storage_sizes',
    'alter table homes drop column retention',
    'alter table devices drop column retention',
    'update telemetry_hours set state = case state when 3 then 1 when 4 then 2 else 0 end where state in (3, 4, 5)',
  ]
  for (const statement of [...undone, ...former]) await sql.raw(statement).execute(db)
}

const dropped = ['drop index telemetry_hours_open', 'drop trigger telemetry_goes']

const former = [
  'create index telemetry_hours_open on telemetry_hours (device_num, start) where state = 0',
  `create trigger telemetry_goes after delete on telemetry begin
    update telemetry_hours set state = 0 where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state <> 0;
    delete from telemetry_days where device_num = old.device_num and start <= old.ts and end > old.ts; end`,
]

const made = [
  'create index telemetry_hours_open on telemetry_hours (device_num, start) where state in (0, 5)',
  'create index telemetry_hours_held on telemetry_hours (device_num, start) where state in (1, 2)',
  'create index telemetry_hours_minutes on telemetry_hours (device_num, start) where state in (2, 4)',
  // Samples that came when those of their hour were gone, and were not kept.
  'create table telemetry_late (device_num integer primary key, samples integer not null, at integer not null) strict',
  'create table storage_sizes (at integer primary key, bytes integer not null) strict',
  'alter table homes add column retention text',
  'alter table devices add column retention text',
]

const goes = `create trigger telemetry_goes after delete on telemetry when not exists (select 1 from telemetry_hours
    where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state in (3, 4)) begin
    update telemetry_hours set state = 0 where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state <> 0;
    delete from telemetry_days where device_num = old.device_num and start <= old.ts and end > old.ts; end`
