import { type Kysely, sql } from 'kysely'

/**
 * Rollups of telemetry by minute, hour and day, and the hours that hold samples: `state` 0 when the rollups of an hour are not, or no longer,
 * what its samples say. All times are the beginnings, in milliseconds since 1970.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...triggers, known]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...triggers].toReversed()) {
    const [, kind = '', name = ''] = /^create (table|index|trigger) (\w+)/.exec(statement) ?? []
    await sql.raw(`drop ${kind} ${name}`).execute(db)
  }
}

const columns = `samples integer not null, numbers integer not null, sum real not null, min real, max real, first text not null,
    last text not null, increase real not null`

const tables = [
  `create table telemetry_fields (device_num integer not null, name text not null, field_num integer not null,
    primary key (device_num, name)) strict, without rowid`,
  `create table telemetry_hours (device_num integer not null, start integer not null, state integer not null,
    primary key (device_num, start)) strict, without rowid`,
  'create index telemetry_hours_open on telemetry_hours (device_num, start) where state = 0',
  // A day is here when its rollups are what its samples say.
  `create table telemetry_days (device_num integer not null, start integer not null, end integer not null,
    primary key (device_num, start)) strict, without rowid`,
  ...['1m', '1h', '1d'].map(
    resolution => `create table rollups_${resolution} (device_num integer not null, field_num integer not null, start integer not null,
    ${columns}, primary key (device_num, field_num, start)) strict, without rowid`,
  ),
]

const triggers = [
  `create trigger telemetry_goes after delete on telemetry begin
    update telemetry_hours set state = 0 where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state <> 0;
    delete from telemetry_days where device_num = old.device_num and start <= old.ts and end > old.ts; end`,
]

const known = 'insert into telemetry_hours select distinct device_num, ts - ts % 3600000, 0 from telemetry'
