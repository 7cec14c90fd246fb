import { type Kysely, sql } from 'kysely'

/** Who holds an alert: for each that raised it when it last spoke, and whether to it the matter is over. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table alerts drop column raisers').execute(db)
}

const raiser = `case source when 'device' then 'device/' || device_id when 'rule' then 'rule/' || rule_id
  when 'detector' then 'detector/' || key else 'person' end`

const statements = [
  "alter table alerts add column raisers text not null default '{}'",
  // Until now whoever raised it last was all that was known.
  `update alerts set raisers = json_object(${raiser}, json_object('at', max(last_raised_at, ifnull(cleared_at, 0)), 'over', cleared_at is not null))
    where rule_id is not null or source <> 'rule'`,
]
