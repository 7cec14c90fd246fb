import { sql } from 'kysely'
import type { Clear } from '../alerts/rows.js'
import type { Db } from '../store/store.js'
import { maxAheadMs } from '../telemetry/payload.js'
import { latestReadings, oldestReceivedSince } from '../telemetry/readings.js'
import { lookBackOf } from './condition.js'
import { RuleState, type Transition } from './engine.js'
import { historyOf, type Moment, type Needs, needsOf } from './history.js'
import type { Input } from './inputs.js'
import { actorOf } from './rules.js'
import type { LivingRule, WatchedDevice } from './scopes.js'
import type { Watchings } from './watchings.js'

export interface Derived {
  readonly state: RuleState
  /** What is to be told of it, with when the last of what led to it was received. */
  readonly news: readonly (Transition & { readonly cause: number })[]
}

interface Since {
  /** What was received until then has been evaluated, in milliseconds since 1970. */
  readonly since: number
  /** Until when things could be heard; from `now` on they can be again. */
  readonly lived: number
  readonly now: number
  /** The rules apply from now on, or since they were made just now: what is so now is told. */
  readonly afresh: boolean
}

/** A rule that was made so lately, in milliseconds, is evaluated from then on. */
const lately = 60_000

/** From when on what came is news. */
function newsFrom({ rule }: LivingRule, { since, now, afresh }: Since): number {
  if (!afresh) return Math.max(since, rule.updated_at)
  return rule.updated_at > now - lately ? Math.min(rule.updated_at, now) : now
}

/** What is known of a rule's alert of one device. */
interface Known {
  readonly open: boolean
  /** When the rule last raised it or took it back; nothing from before then is told again. */
  readonly last: number
}

/**
 * What rules have come to by now for a device, from its rows alone. What was received after `since` is told, unless its alert says that it was told
 * before; of a rule that is newer than that, only what is so now. Of what is so since longer nothing is told: somebody may have closed the alert.
 */
export async function derive(
  db: Db,
  device: WatchedDevice,
  rules: readonly LivingRule[],
  when: Since,
): Promise<Derived[]> {
  const { since, now } = when
  const needs = needsOf(rules.map(({ timing }) => timing.condition))
  const lookBack = Math.max(...rules.map(({ timing }) => lookBackOf(timing.condition)))
  const late = since < now ? await oldestReceivedSince(db, device.num, since) : null
  const from = Math.min(since, late ?? since, ...rules.map(living => newsFrom(living, when)))
  const start_time = Math.max(0, from - lookBack)
  const known = await knownOf(db, device.id)
  const derived = rules.map(living => new Deriving(living, device, known(living), when))
  const feed = (moments: readonly Moment[]) => {
    for (const moment of moments) for (const one of derived) one.observe(moment)
  }
  feed(await before(db, device, needs, start_time))
  const range = { start_time, end_time: now + 2 * maxAheadMs }
  for await (const moments of historyOf(db, device, range, needs)) feed(moments)
  return derived.map(one => one.end(when))
}

class Deriving {
  readonly #state: RuleState
  readonly #living: LivingRule
  readonly #known: Known
  readonly #since: number
  readonly #isNew: boolean
  readonly #news: (Transition & { readonly cause: number })[] = []
  #cause = 0

  constructor(living: LivingRule, { created_at }: WatchedDevice, known: Known, when: Since) {
    this.#living = living
    this.#known = known
    const { updated_at } = living.rule
    // An alert that is younger than the rule says that it has been evaluated.
    this.#isNew = when.afresh || (updated_at >= when.since && known.last < updated_at)
    this.#since = newsFrom(living, when)
    this.#state = new RuleState(living.timing, created_at, known.open)
  }

  observe({ at, received_at, inputs }: Moment): void {
    this.#cause = Math.max(this.#cause, received_at)
    this.#note(this.#state.observeAll(inputs, at))
  }

  #note(found: readonly Transition[]): void {
    for (const one of found) {
      const cause = Math.max(this.#cause, one.at)
      if (cause > this.#since && one.at > this.#known.last) this.#news.push({ ...one, cause })
    }
  }

  end({ lived, now }: Since): Derived {
    this.#note(this.#state.tick(Math.min(lived, now)))
    this.#state.grace(now)
    this.#note(this.#state.review(now))
    const { active } = this.#state
    const last = this.#news.at(-1)?.kind
    const isRaised = last === undefined ? this.#known.open : last === 'raised'
    const now_ = { at: now, cause: now, ...this.#state.now() }
    if (active && !isRaised && this.#isNew) this.#news.push({ kind: 'raised', ...now_ })
    if (!active && isRaised && this.#living.rule.auto_clear) this.#news.push({ kind: 'cleared', ...now_ })
    return { state: this.#state, news: this.#news }
  }
}

/** What was known of a device before its history is gone through. */
async function before(db: Db, { id, num }: WatchedDevice, { fields, silence }: Needs, from: number): Promise<Moment[]> {
  const moments: Moment[] = []
  const add = (at: number, input: Input) => {
    if (at < from) moments.push({ at, received_at: at, inputs: [input] })
  }
  const latest = fields.size > 0 ? await latestReadings(db, num) : {}
  for (const field of fields) {
    const known = Object.hasOwn(latest, field) ? latest[field] : undefined
    if (known) add(known.ts, { kind: 'reading', field, ...known, at: known.ts, received_at: known.ts })
  }
  if (silence) {
    const seen = await db.selectFrom('presence').select('last_seen_at').where('device_id', '=', id).executeTakeFirst()
    if (seen) add(seen.last_seen_at, { kind: 'heard', at: seen.last_seen_at })
  }
  return moments.sort((one, other) => one.at - other.at)
}

/** What a rule has said last of a device, as the newest alert that it raised has it. */
interface Said {
  readonly key: string
  readonly raiser: string
  readonly at: number
  /** Whether the rule holds the alert, which is open and not cleared. */
  readonly open: 0 | 1
}

/** What the newest alerts of a device say of its rules. Whatever others raised under the same keys says nothing of them. */
async function knownOf(db: Db, device_id: string): Promise<(living: LivingRule) => Known> {
  // Beside max() SQLite answers the other columns of the row in which it was found.
  const { rows } = await sql<Said>`select max(alerts.id), alerts.key, raiser.key as raiser, raiser.value ->> 'at' as at,
      closed_at is null and cleared_at is null and raiser.value ->> 'over' = 0 as open
    from alerts, json_each(alerts.raisers) as raiser
    where device_id = ${device_id} and raiser.key like 'rule/%' group by alerts.key, raiser.key`.execute(db)
  return ({ rule }) => {
    const said = rows.find(({ key, raiser }) => key === rule.key && raiser === actorOf(rule))
    return { open: said?.open === 1, last: said?.at ?? 0 }
  }
}

/** What rules hold that apply to their devices no more. */
export async function leftoversOf(db: Db, watchings: Watchings): Promise<Clear[]> {
  const { rows } = await sql<Clear & { rule_id: string }>`select alerts.home_id, alerts.device_id, alerts.key,
      raiser.key as actor, substr(raiser.key, 6) as rule_id, ${Date.now()} as at
    from alerts, json_each(alerts.raisers) as raiser left join alert_rules on alert_rules.id = substr(raiser.key, 6)
    where closed_at is null and cleared_at is null and raiser.key like 'rule/%' and raiser.value ->> 'over' = 0
      and ifnull(auto_clear, 1) = 1`.execute(db)
  return rows.flatMap(({ rule_id: id, ...what }) => {
    const applies = what.device_id !== null && watchings.has({ id, key: what.key }, what.device_id)
    return applies ? [] : [what]
  })
}
