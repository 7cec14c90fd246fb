import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { newId } from '../ids.js'
import { prepareSql } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Queue, QueueCounts, Take, Taken } from './queue.js'

/** What has been taken when another hub, or nobody, is there to finish it is looked for this often, in milliseconds. */
const lookMs = 1000

const fresh = (now: number) => ({ visible_at: now, attempts: 0, receipt: null, dead_at: null, reason: null })

/** A queue in the store: each step is one statement, and so one commit. */
export class StoreQueue implements Queue {
  readonly #db: Db
  readonly #news = new EventEmitter().setMaxListeners(0)

  constructor(db: Db) {
    this.#db = db
  }

  async put(id: string): Promise<void> {
    const now = Date.now()
    await this.#db
      .insertInto('work')
      .values({ id, created_at: now, ...fresh(now) })
      .onConflict(conflict => conflict.column('id').doUpdateSet(fresh(now)).where('work.dead_at', 'is not', null))
      .execute()
    this.#news.emit('put')
  }

  async take({ by, ms, wait_ms, signal }: Take): Promise<Taken | null> {
    const until = Date.now() + wait_ms
    for (;;) {
      // Listening begins before the look, so that nothing that is put meanwhile is missed.
      const waiting = new AbortController()
      const news = this.#hear(AbortSignal.any([signal, waiting.signal]))
      try {
        const taken = await this.#takeOne(by, ms)
        const left = until - Date.now()
        if (taken || left <= 0 || signal.aborted) return taken
        await Promise.race([news, sleep(Math.min(left, lookMs), undefined, { signal: waiting.signal })])
      } finally {
        waiting.abort()
      }
      if (signal.aborted) return null
    }
  }

  async #hear(signal: AbortSignal): Promise<void> {
    await once(this.#news, 'put', { signal }).catch(() => undefined)
  }

  async #takeOne(by: Take['by'], ms: number): Promise<Taken | null> {
    const now = Date.now()
    // Most looks find nothing, and cost no write.
    const [first] = await firstVisible(this.#db, { now })
    if (!first) return null
    const [taken] = await takeFirst(this.#db, { now, until: now + ms, receipt: `${by}-${newId()}` })
    return taken ?? null
  }

  async done({ id, receipt }: Pick<Taken, 'id' | 'receipt'>): Promise<void> {
    await this.#db.deleteFrom('work').where('id', '=', id).where('receipt', '=', receipt).execute()
  }

  async retry({ id, receipt }: Pick<Taken, 'id' | 'receipt'>, ms: number): Promise<void> {
    await this.#mine(id, receipt)
      .set({ visible_at: Date.now() + ms, receipt: null })
      .execute()
  }

  async bury({ id, receipt }: Pick<Taken, 'id' | 'receipt'>, reason: string): Promise<void> {
    await this.#mine(id, receipt).set({ dead_at: Date.now(), reason, receipt: null }).execute()
  }

  #mine(id: string, receipt: string) {
    return this.#db.updateTable('work').where('id', '=', id).where('receipt', '=', receipt)
  }

  async counts(): Promise<QueueCounts> {
    const { rows } = await sql<QueueCounts>`select count(*) filter (where dead_at is null) as open,
      count(*) filter (where dead_at is not null) as dead from work`.execute(this.#db)
    return rows[0] ?? { open: 0, dead: 0 }
  }

  /** What a hub that is gone had taken may be taken again: for a start. */
  async giveBack(): Promise<void> {
    const now = Date.now()
    await this.#db
      .updateTable('work')
      .set({ visible_at: now, receipt: null })
      .where('receipt', 'like', 'hub-%')
      .execute()
  }
}

const firstVisible = prepareSql<{ now: number }, { id: string }>(
  ({ now }) => sql`select id from work where dead_at is null and visible_at <= ${now} limit 1`,
)

/** Of the home first that has least under way or to be tried again: recordings that nobody can listen to hold up those of no other. */
const takeFirst = prepareSql<{ now: number; until: number; receipt: string }, Taken>(
  ({ now, until, receipt }) => sql`update work set visible_at = ${until}, receipt = ${receipt}, attempts = attempts + 1
    where id = (with tried as (select home_id, count(*) as times from work join recordings using (id)
        where dead_at is null and work.attempts > 0 group by home_id)
      select work.id from work left join recordings using (id) left join tried using (home_id)
      where dead_at is null and visible_at <= ${now} order by ifnull(times, 0), visible_at limit 1)
    returning id, receipt, attempts as attempt`,
)

/** Forgets what was given up before this time. */
export async function trimDead(db: Db, before: number): Promise<void> {
  await db.deleteFrom('work').where('dead_at', '<', before).execute()
}
