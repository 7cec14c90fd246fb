import { type Kysely, sql } from 'kysely'

/** Which wishes a device has heard, who wins when it is changed by hand, and every change of a state, written with the change itself. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...columns, ...tables, ...triggers, ...beginnings]) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'drop trigger state_begins',
    'drop trigger state_goes_on',
    'drop table state_changes',
    'alter table devices drop column twin_policy',
    'alter table device_state drop column seen_version',
    'alter table device_state drop column wishes',
    'alter table device_state drop column desired_by',
  ])
    await sql.raw(statement).execute(db)
}

const columns = [
  `alter table devices add column twin_policy text not null default 'last_writer'`,
  'alter table device_state add column desired_by text',
  `alter table device_state add column wishes text not null default '{}'`,
  'alter table device_state add column seen_version integer not null default 0',
]

const tables = [
  `create table state_changes (id integer primary key, device_id text not null references devices (id) on delete cascade,
    part text not null, version integer not null, at integer not null, by text, change text not null, whole text) strict`,
  'create index state_changes_device on state_changes (device_id, id)',
  'create index state_changes_whole on state_changes (device_id, part, id) where whole is not null',
]

/** Of every 64 changes one is kept whole, so that no state is more than 63 merges away. */
const wholeEvery = 64

const part = (name: string) => ({
  insert: (before: string, whole: string, when: string) =>
    `insert into state_changes (device_id, part, version, at, by, change, whole)
      select new.device_id, '${name}', new.${name}_version, new.${name}_at, ${name === 'desired' ? 'new.desired_by' : 'null'},
        diff_patch(${before}, new.${name}), ${whole} where ${when}`,
  begins(): string {
    return this.insert(`'{}'`, `new.${name}`, `new.${name}_version > 0`)
  },
  goesOn(): string {
    const isWhole = `case when new.${name}_version % ${wholeEvery} = 1 or old.${name}_version = 0 then new.${name} end`
    return this.insert(`old.${name}`, isWhole, `new.${name}_version <> old.${name}_version`)
  },
})
const parts = [part('reported'), part('desired')]

const triggers = [
  `create trigger state_begins after insert on device_state begin ${parts.map(one => `${one.begins()};`).join(' ')} end`,
  `create trigger state_goes_on after update on device_state begin ${parts.map(one => `${one.goesOn()};`).join(' ')} end`,
]

const beginnings = ['reported', 'desired'].map(
  name => `insert into state_changes (device_id, part, version, at, by, change, whole)
    select device_id, '${name}', ${name}_version, ${name}_at, null, ${name}, ${name} from device_state where ${name}_version > 0`,
)
