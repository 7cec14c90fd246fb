import { type Kysely, sql } from 'kysely'

/**
 * Samples take less room: what names its fields is written once for a device (a shape), and samples of hours long over are packed into blocks
 * (src/blocks.ts). `telemetry` shows both as one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...samples, ...blocks, view]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of former) await sql.raw(statement).execute(db)
}

const samples = [
  `create table telemetry_shapes (device_num integer not null, shape_num integer not null, names text not null,
    primary key (device_num, shape_num)) strict, without rowid`,
  // "data" is an array of the values that the shape names, or, without one, an object. "delay" is from "ts" to when it was received.
  `create table samples (device_num integer not null, ts integer not null, delay integer not null, shape_num integer, data text not null,
    metadata text, quality text, message_id integer, primary key (device_num, ts)) strict, without rowid`,
  `insert into samples select device_num, ts, received_at - ts, null, data, metadata, quality, message_id from telemetry
    order by device_num, ts`,
  'drop table telemetry',
]

const blocks = [
  // "bytes" is how much JSON it holds.
  `create table sample_blocks (device_num integer not null, start integer not null, end integer not null, samples integer not null,
    names text not null, bytes integer not null, data blob not null) strict`,
  'create unique index sample_blocks_place on sample_blocks (device_num, end, start, samples, bytes)',
  // When it is to be packed, once it is closed; null when that is done.
  'alter table telemetry_hours add column pack_at integer',
  'update telemetry_hours set pack_at = start + 90000000 where state in (1, 2)',
  'create index telemetry_hours_unpacked on telemetry_hours (pack_at) where pack_at is not null and state in (1, 2)',
]

const named = `(select json_group_object(name.value, samples.data -> name.key) from telemetry_shapes as shape, json_each(shape.names) as name
    where shape.device_num = samples.device_num and shape.shape_num = samples.shape_num)`

const view = `create view telemetry as
    select device_num, ts, ts + delay as received_at, iif(shape_num is null, data, ${named}) as data, metadata, quality, message_id from samples
    union all select device_num, one.value ->> 0, one.value ->> 1, one.value -> 2, nullif(one.value -> 3, 'null'), one.value ->> 4, null
    from sample_blocks as block cross join json_each(samples_in_block(block.data)) as one`

const columns = 'device_num, ts, received_at, data, metadata, quality, message_id'

const former = [
  `create table telemetry_before (device_num integer not null, ts integer not null, received_at integer not null, data text not null,
    metadata text, quality text, message_id integer, primary key (device_num, ts)) strict, without rowid`,
  `insert into telemetry_before (${columns}) select ${columns} from telemetry`,
  'drop view telemetry',
  'drop table samples',
  'drop table sample_blocks',
  'drop table telemetry_shapes',
  'drop index telemetry_hours_unpacked',
  'alter table telemetry_hours drop column pack_at',
  'alter table telemetry_before rename to telemetry',
  `create trigger telemetry_goes after delete on telemetry when not exists (select 1 from telemetry_hours
    where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state in (3, 4)) begin
    update telemetry_hours set state = 0 where device_num = old.device_num and start = old.ts - old.ts % 3600000 and state <> 0;
    delete from telemetry_days where device_num = old.device_num and start <= old.ts and end > old.ts; end`,
]
