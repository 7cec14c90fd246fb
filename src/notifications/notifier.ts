import type { Logger } from 'pino'
import type { Alert } from '../alerts/rows.js'
import { HubError } from '../errors.js'
import type { Store } from '../store/store.js'
import { backoffMs } from './backoff.js'
import type { Contact, SealedContact } from './contacts.js'
import type { Notice } from './notice.js'
import {
  getNotification,
  insertTest,
  type Notification,
  nextOfContacts,
  type Sending,
  settle,
  take,
  takeUpAgain,
} from './notifications.js'
import { nextToPlan, planDue } from './planner.js'
import type { Seal } from './seal.js'
import { type Send, SendFault } from './send.js'
import { Turns } from './turns.js'

interface NotifierOptions {
  readonly store: Pick<Store, 'db' | 'together'>
  readonly log: Logger
  readonly seal: Seal
  readonly senders: Readonly<Record<Contact['kind'], Send>>
  /** After so many attempts a notification is dead. */
  readonly max_attempts: number
  /** Called after the commit with alerts that the policy has changed. */
  changed(alert: Alert): void
}

/** How many are sent at the same time, to as many contacts; tests are not counted. */
const maxSending = 16
/** Contacts that are looked at when somebody's turn has come. */
const maxLookedAt = 5000
/** A receiver has so long for its answer. */
const limitMs = 15_000
/** A hub that stops waits so long for answers; what has none then is sent again at the next start. */
const closingMs = 5000
/** Nobody is asked again sooner, whatever the answer said. */
const leastMs = 1000
/** The longest sleep, after which the clock may have been set; and the one after the store has failed. */
const maxSleepMs = 60_000
const faultSleepMs = 5000

/** What the notifier has done since the start, by kind of contact. */
export type Sent = Readonly<Record<Contact['kind'], { delivered: number; failed: number }>>

/**
 * Tells people of alerts. Whom to tell is written down first (planner.ts), then sent: at least once, under an id that stays the same. One timer,
 * and no state but what is under way; all else is in the rows.
 */
export class Notifier {
  readonly #options: NotifierOptions
  readonly #inTurn = new Turns()
  /** By contact, as the tests are. */
  readonly #underWay = new Map<string, { readonly home_id: string; readonly done: Promise<void> }>()
  readonly #tests = new Map<string, Promise<void>>()
  /** Sent, and not written down what became of it: as many at most as could be taken before the store failed. */
  readonly #lost = new Set<string>()
  readonly #closing = new AbortController()
  readonly sent: Sent = { webhook: newCount(), email: newCount(), ntfy: newCount() }
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> | null = null
  #again = false
  #isOpen = false

  constructor(options: NotifierOptions) {
    this.#options = options
  }

  /** Takes up what an earlier run left, and begins. */
  async start(): Promise<void> {
    await takeUpAgain(this.#options.store.db, null, Date.now())
    this.#isOpen = true
    this.wake()
  }

  /** Looks for what is due. */
  wake(): void {
    if (!this.#isOpen) return
    this.#again = true
    this.#turn ??= this.#turns().finally(() => {
      this.#turn = null
      // Somebody may have called in between.
      if (this.#again) this.wake()
    })
  }

  /**
   * Sends a test to a contact, once. @returns it with what became of it; settles after the answer, after 15 s at the latest
   * @throws HubError `conflict` while another test of the contact waits for its answer
   */
  async test(contact: Contact, { id, name, timezone }: Required<Notice['data']['home']>): Promise<Notification> {
    const { db } = this.#options.store
    if (this.#tests.has(contact.id)) throw new HubError('conflict', 'A test of this contact is under way already.')
    const data = { alert: null, home: { id, name, timezone }, device: null, step: 0 }
    const test = insertTest(db, contact, { type: 'test', timestamp: Date.now(), data })
    const done = test.then(sending => this.#track(sending)).finally(() => this.#tests.delete(contact.id))
    this.#tests.set(contact.id, done)
    await done
    return getNotification(db, (await test).id)
  }

  /** Begins nothing more, and waits for the answers that are awaited, 5 s at most. No test may be asked for any more. */
  async close(): Promise<void> {
    this.#isOpen = false
    clearTimeout(this.#timer)
    await this.#turn
    const timeout = setTimeout(() => this.#closing.abort(), closingMs)
    const sending = [...this.#underWay.values()].map(({ done }) => done)
    await Promise.allSettled([...sending, ...this.#tests.values()])
    clearTimeout(timeout)
  }

  async #turns(): Promise<void> {
    clearTimeout(this.#timer)
    let sleepMs = 0
    while (this.#again && this.#isOpen) {
      this.#again = false
      sleepMs = await this.#oneTurn().catch(err => {
        this.#options.log.error({ err }, 'the notifier could not go on; it tries again')
        return faultSleepMs
      })
    }
    if (this.#isOpen) this.#timer = setTimeout(() => this.wake(), sleepMs)
  }

  /** @returns in how many milliseconds to look again */
  async #oneTurn(): Promise<number> {
    const { store, max_attempts, changed, log } = this.#options
    await this.#takeUpLost()
    const planned = await planDue(store.db, max_attempts, Date.now(), (err, { id }) =>
      log.error({ err, alert_id: id }, 'it could not be planned whom to tell of an alert; that is tried again'),
    )
    for (const alert of planned.changed) changed(alert)
    if (planned.more) this.#again = true
    const waiting = await nextOfContacts(store.db, [...this.#underWay.keys()], maxLookedAt)
    const now = Date.now()
    const busy = [...this.#underWay.values()].map(({ home_id }) => home_id)
    const due = this.#inTurn.choose(
      waiting.filter(({ next_at }) => next_at <= now),
      busy,
      maxSending - busy.length,
    )
    const taken = await take(
      store.db,
      due.map(({ id }) => id),
    )
    for (const one of taken) this.#begin(one)
    if (taken.length < due.length) this.#again = true
    // What is due and had no turn waits for one that becomes free, which looks again.
    const sending_at = waiting.find(({ next_at }) => next_at > now)?.next_at
    const times = [sending_at, await nextToPlan(store.db)].filter(at => typeof at === 'number')
    return Math.max(0, Math.min(...times, Date.now() + maxSleepMs) - Date.now())
  }

  async #takeUpLost(): Promise<void> {
    if (this.#lost.size === 0) return
    const ids = [...this.#lost]
    await takeUpAgain(this.#options.store.db, ids, Date.now() + faultSleepMs)
    for (const id of ids) this.#lost.delete(id)
  }

  #begin(sending: Sending): void {
    const { id, contact_id, home_id } = sending
    const key = contact_id ?? id
    const done = this.#track(sending).finally(() => {
      this.#underWay.delete(key)
      this.wake()
    })
    this.#underWay.set(key, { home_id, done })
  }

  async #track(sending: Sending): Promise<void> {
    await this.#send(sending).catch(err => {
      this.#lost.add(sending.id)
      this.#options.log.error(
        { err, notification_id: sending.id },
        'what became of a notification could not be written down; it is sent again',
      )
    })
  }

  /** One attempt, written down. What was broken off by the closing stays as it is, and is sent again. */
  async #send(sending: Sending): Promise<void> {
    const { store, log } = this.#options
    const [at, begun] = [Date.now(), performance.now()]
    const fault = await this.#attempt(sending).then(
      () => null,
      error =>
        asFault(error, err => log.error({ err, notification_id: sending.id }, 'a notification could not be sent')),
    )
    if (fault && this.#closing.signal.aborted) return
    const ms = Math.round(performance.now() - begun)
    this.sent[sending.kind][fault ? 'failed' : 'delivered']++
    const next_at = this.#nextAttempt(sending, fault)
    await settle(store, sending, { at, ms, fault: fault?.message ?? null, next_at })
    if (fault && next_at === null) this.#noteDead(sending, fault)
  }

  /** Whoever waits for it hears nothing: whoever runs the hub may read why. A test is answered anyway. */
  #noteDead({ id, alert_id, contact_id, event, attempts }: Sending, { message: fault }: SendFault): void {
    if (event === 'test') return
    this.#options.log.warn({ notification_id: id, alert_id, contact_id, attempts, fault }, 'somebody could not be told')
  }

  async #attempt({ id, contact_id, data: notice }: Sending): Promise<void> {
    const { store, seal, senders } = this.#options
    const contact: SealedContact | undefined = await store.db
      .selectFrom('contacts')
      .selectAll()
      .where('id', '=', contact_id)
      .executeTakeFirst()
    if (!contact) throw new SendFault('the contact was deleted', { permanent: true })
    if (contact.status === 'inactive' && notice.type !== 'test')
      throw new SendFault('the contact is inactive', { permanent: true })
    const { sealed, ...known } = contact
    const secret = sealed === null ? null : seal.open(sealed)
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limitMs)])
    await senders[contact.kind]({ id, contact: known, secret, notice }, signal)
  }

  #nextAttempt({ attempts, max_attempts }: Sending, fault: SendFault | null): number | null {
    if (!fault || fault.permanent || attempts >= max_attempts) return null
    const made = this.#options.max_attempts - (max_attempts - attempts)
    return Date.now() + Math.max(leastMs, fault.retry_after_ms ?? backoffMs(Math.max(1, made)))
  }
}

const newCount = () => ({ delivered: 0, failed: 0 })

/** What is no fault of the other side is ours: logged whole, and told without its words. */
function asFault(error: unknown, note: (error: unknown) => void): SendFault {
  if (error instanceof SendFault) return error
  note(error)
  return new SendFault('it could not be sent: the log of the hub says why')
}
