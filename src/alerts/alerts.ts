import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { HubError } from '../errors.js'
import { newSortableId } from '../ids.js'
import type { Db, Store } from '../store/store.js'
import { alertTopic, homeAlertsTopic } from '../topics.js'
import {
  type Alert,
  type Clear,
  clearAlert,
  getAlert,
  type Move,
  maxOpen,
  moveAlert,
  type Raise,
  raiseAlert,
} from './rows.js'
import { checkCommentable, commentAlert } from './steps.js'

interface Outbox {
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  /** The topics below a prefix that something is retained on. */
  retainedBelow(prefix: string): string[]
}

/** What belongs into the commit of a change. */
type Also = (tx: Db) => Promise<unknown>

/**
 * Alerts are rows before anybody hears of them: every change is committed, then told on the home's topic, and retained on the alert's own while
 * it is not closed. One of a key is open at most of a device, or of a home as a whole.
 */
export class Alerts {
  readonly #store: Pick<Store, 'db' | 'together'>
  readonly #outbox: Outbox
  readonly #log: Logger
  readonly #changes = new EventEmitter<{ change: [Alert] }>()

  constructor(store: Pick<Store, 'db' | 'together'>, outbox: Outbox, log: Logger) {
    this.#store = store
    this.#outbox = outbox
    this.#log = log
  }

  /** Calls `listener` after each commit that changed an alert. */
  onChange(listener: (alert: Alert) => void): void {
    this.#changes.on('change', listener)
  }

  /**
   * Raises an alert, or raises the one again that is open under this key. Settles after the commit.
   * @param also what else belongs into that commit, all of it asked for at once
   * @throws HubError `conflict` when 100 others are open there
   */
  async raise(raise: Raise, also?: Also): Promise<Alert> {
    const alert = await this.#with(also, tx => raiseAlert(tx, newSortableId(), raise))
    if (!alert) throw new HubError('conflict', `${maxOpen} alerts are open here already.`)
    this.tell(alert)
    return alert
  }

  /**
   * To one who has raised an alert it is over: once it is so to all who have, it is cleared.
   * @returns it, or null when there was nothing to clear
   */
  async clear(what: Clear, also?: Also): Promise<Alert | null> {
    const alert = await this.#store.together(async tx => (await Promise.all([clearAlert(tx, what), also?.(tx)]))[0])
    if (alert) this.tell(alert)
    return alert ?? null
  }

  /** Somebody has seen it, and sees to it: nobody else needs to be told. One that is cleared is closed by it. */
  acknowledge = (id: string, actor: string, comment?: string) => this.#move(id, 'acknowledge', actor, comment)
  /** The next people have to be told. */
  escalate = (id: string, actor: string, comment?: string) => this.#move(id, 'escalate', actor, comment)
  close = (id: string, actor: string, comment?: string) => this.#move(id, 'close', actor, comment)

  /** @throws HubError `not_found`; `conflict` when it has 1000 comments */
  async comment(id: string, actor: string, comment: string): Promise<Alert> {
    const alert = await getAlert(this.#store.db, id)
    await checkCommentable(this.#store.db, id)
    await commentAlert(this.#store.db, id, actor, comment)
    this.tell(alert)
    return alert
  }

  /** @throws HubError `not_found`; `conflict` when it is closed, or acknowledged already, or has no room for the comment */
  async #move(id: string, move: Move, actor: string, comment?: string): Promise<Alert> {
    if (comment !== undefined) await checkCommentable(this.#store.db, id)
    const also = comment === undefined ? undefined : (tx: Db) => commentAlert(tx, id, actor, comment)
    const moved = await this.#with(also, tx => moveAlert(tx, id, move, actor))
    const alert = moved ?? (await getAlert(this.#store.db, id))
    if (!moved) throw new HubError('conflict', `The alert is ${alert.status} already.`)
    this.tell(alert)
    return alert
  }

  /** One statement by itself, or together with others. */
  #with<Result>(also: Also | undefined, ask: (tx: Db) => Promise<Result>): Promise<Result> {
    if (!also) return ask(this.#store.db)
    return this.#store.together(async tx => (await Promise.all([ask(tx), also(tx)]))[0])
  }

  /**
   * Brings what is retained of a home's alerts back to what its rows say: at a start, and when a device has come to this home or gone from it.
   */
  async retainAgain(home_id: string): Promise<void> {
    const open = await openIn(this.#store.db, home_id)
    const topics = new Set(open.map(({ id }) => alertTopic(home_id, id)))
    const left = this.#outbox.retainedBelow(alertTopic(home_id, '')).filter(topic => !topics.has(topic))
    for (const topic of left) await this.#outbox.publish(topic, '', { retain: true })
    for (const alert of open) await this.#retain(alert)
  }

  /** The same for every home that has open alerts. */
  async retainAll(): Promise<void> {
    const homes = await this.#store.db
      .selectFrom('alerts')
      .select('home_id')
      .distinct()
      .where('closed_at', 'is', null)
      .execute()
    for (const { home_id } of homes) await this.retainAgain(home_id)
  }

  #retain(alert: Alert): Promise<void> {
    const payload = alert.closed_at === null ? told(alert) : ''
    return this.#outbox.publish(alertTopic(alert.home_id, alert.id), payload, { qos: 1, retain: true })
  }

  /** Tells everybody of a change that is committed. */
  tell(alert: Alert): void {
    this.#changes.emit('change', alert)
    Promise.all([
      this.#outbox.publish(homeAlertsTopic(alert.home_id), told(alert), { qos: 1 }),
      this.#retain(alert),
    ]).catch(err => this.#log.warn({ err, alert_id: alert.id }, 'a change of an alert could not be published'))
  }
}

const openIn = (db: Db, home_id: string): Promise<Alert[]> =>
  db
    .selectFrom('alerts')
    .selectAll()
    .where('home_id', '=', home_id)
    .where('closed_at', 'is', null)
    .orderBy('id')
    .execute()

/** An alert as everybody sees it, without what only the notifier needs. */
export function shown({ step: _, notify_at: __, round: ___, told, actor: ____, raisers: _____, ...alert }: Alert) {
  return { ...alert, told: told === 1 }
}

const told = (alert: Alert) => JSON.stringify({ alert: shown(alert) })
