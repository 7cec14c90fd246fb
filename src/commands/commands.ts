import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { HubError } from '../errors.js'
import { newSortableId } from '../ids.js'
import type { CommandResult } from '../messages.js'
import { openStatuses } from '../store/command-tables.js'
import type { Db, Store } from '../store/store.js'
import { homeCommandsTopic, mountedTopic } from '../topics.js'
import { findEarlier, insertCommand, type NewCommand, type Order, refuseFull } from './issue.js'
import {
  before,
  type Command,
  getCommand,
  isOpen,
  moveCommand,
  requeue,
  sendable,
  sentAtOnce,
  settleOverdue,
  toCancel,
} from './rows.js'
import { keepUncounted } from './timeline.js'

/** What belongs into the commit that writes a command down. */
type Also = (tx: Db, order: Order) => Promise<void>

export interface Outbox {
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean; receipt?: string }): Promise<void>
  /** Whether the device is connected and subscribed to its commands. */
  isReadyForCommands(device_id: string): boolean
}

/**
 * Commands are rows before they are messages (D7): every step is committed, then told. One device's commands are sent one after the
 * other in the order of their ids; different devices do not wait for each other.
 */
export class Commands {
  readonly #store: Pick<Store, 'db' | 'together'>
  readonly #outbox: Outbox
  readonly #log: Logger
  readonly #changes = new EventEmitter().setMaxListeners(0)
  /** Devices that are being sent to; true when more has come in the meantime. */
  readonly #sending = new Map<string, boolean>()
  /** The connection on which each device was last ready. */
  readonly #sessions = new Map<string, number>()
  /** Devices whose unacknowledged commands are just being put back in the queue, each with its connection: nothing may overtake them. */
  readonly #requeueing = new Map<string, number>()

  constructor(store: Pick<Store, 'db' | 'together'>, outbox: Outbox, log: Logger) {
    this.#store = store
    this.#outbox = outbox
    this.#log = log
  }

  /**
   * Writes the command down, and sends it when the device is there. Settles after the first commit, not after the answer.
   * @param also what else belongs into that commit, all of it asked for at once; nothing for an order that was given before
   * @returns the command, and whether the same order was given before, which is then its command
   * @throws HubError `conflict` when 1000 wait for the device already, or when the idempotency key stood for another order
   */
  async issue(wanted: NewCommand, also?: Also): Promise<{ command: Command; repeated: boolean }> {
    const earlier = await findEarlier(this.#store.db, wanted)
    if (earlier) return { command: earlier, repeated: true }
    // Nothing waits for long for a device that is there.
    if (!this.#isFree(wanted.device_id)) await refuseFull(this.#store.db, wanted.device_id)
    try {
      return { command: await this.#issueNew(wanted, also), repeated: false }
    } catch (error) {
      // The same order may have been given by another request meanwhile.
      const given =
        error instanceof HubError && error.code === 'conflict' && (await findEarlier(this.#store.db, wanted))
      if (given) return { command: given, repeated: true }
      throw error
    }
  }

  async #issueNew(wanted: NewCommand, also?: Also): Promise<Command> {
    const { device_id, home_id, name } = wanted
    const session = this.#sessions.get(device_id)
    const { command, sent, superseded } = await this.#store.together(async tx => {
      const id = newSortableId()
      const [inserted] = await Promise.all([
        insertCommand(tx, id, wanted, this.#isFree(device_id) && this.#isOn(device_id, session)),
        also?.(tx, { id, device_id, home_id, name }),
      ])
      return inserted
    })
    const handed = sent && this.#hand(sent, session)
    for (const changed of [...superseded, command, ...(sent ? [sent] : [])]) this.#tell(changed)
    if (handed) handed.catch(error => this.#log.error({ err: error, device_id }, 'a command could not be handed on'))
    else this.send(device_id)
    return command
  }

  /** Whether the device is there and nothing is just being sent to it. */
  #isFree(device_id: string): boolean {
    const busy = this.#requeueing.has(device_id) || this.#sending.has(device_id)
    return !busy && this.#outbox.isReadyForCommands(device_id)
  }

  /**
   * The device has subscribed to its commands, or to what it shall not run of them. What was sent on an earlier connection and never acknowledged is sent again, once a
   * connection: the device knows a command by its id.
   */
  async ready(device_id: string, session: number): Promise<void> {
    if (this.#sessions.get(device_id) !== session) {
      this.#sessions.set(device_id, session)
      this.#requeueing.set(device_id, session)
      try {
        await requeue(this.#store.db, device_id)
      } finally {
        if (this.#requeueing.get(device_id) === session) this.#requeueing.delete(device_id)
      }
    }
    for (const command of await toCancel(this.#store.db, device_id)) await this.#sendCancel(command)
    this.send(device_id)
  }

  /** The device's connection has ended. */
  gone(device_id: string, session: number): void {
    if (this.#sessions.get(device_id) === session) this.#sessions.delete(device_id)
  }

  /** Sends what waits for a device, if it is there. */
  send(device_id: string): void {
    if (this.#sending.has(device_id)) {
      this.#sending.set(device_id, true)
      return
    }
    if (this.#requeueing.has(device_id) || !this.#outbox.isReadyForCommands(device_id)) return
    this.#sending.set(device_id, false)
    this.#sendAll(device_id)
      .catch(error => this.#log.error({ err: error, device_id }, 'commands could not be sent; they stay queued'))
      .finally(() => {
        const more = this.#sending.get(device_id)
        this.#sending.delete(device_id)
        if (more) this.send(device_id)
      })
  }

  /** The device acknowledged the message that carried this command. */
  async delivered(id: string): Promise<void> {
    const command = await moveCommand(
      this.#store.db,
      id,
      { status: ['sent'] },
      { status: 'delivered', delivered_at: Date.now() },
    )
    if (command) this.#tell(command)
  }

  /** Takes what a device says of a command. One that is settled, or another device's, is not changed; what came late stands in its timeline. */
  async result(device_id: string, { id, status, progress, result, error }: CommandResult): Promise<void> {
    const now = Date.now()
    const command = await moveCommand(
      this.#store.db,
      id,
      { status: before[status], sent: true, device_id },
      {
        status,
        settled_at: isOpen(status) ? null : now,
        // Who answers has it, also when that comes before its PUBACK. What it never had it may call cancelled too.
        delivered_at: status === 'cancelled' ? null : now,
        ...(progress === undefined ? {} : { progress }),
        ...(result === undefined ? {} : { result: JSON.stringify(result) }),
        ...(error === undefined ? {} : { error }),
      },
    )
    if (command) this.#tell(command)
    else await keepUncounted(this.#store.db, { id, device_id }, { status, progress: progress ?? null })
  }

  /**
   * What was never sent is cancelled. What was sent may have been run: the device is asked not to, or to stop, and says with a result
   * what became of it; until then the command stays as it is.
   * @throws HubError `not_found`, `conflict` when it is settled already
   */
  async cancel(id: string): Promise<Command> {
    const now = Date.now()
    const unsent = { status: ['queued'], sent: false } as const
    const changed =
      (await moveCommand(this.#store.db, id, unsent, { status: 'cancelled', settled_at: now })) ??
      (await moveCommand(this.#store.db, id, { status: openStatuses, sent: true }, { cancel_requested_at: now }))
    const command = changed ?? (await getCommand(this.#store.db, id))
    if (!changed) throw new HubError('conflict', `The command is ${command.status} and can no longer be cancelled.`)
    this.#tell(command)
    if (isOpen(command.status) && this.#outbox.isReadyForCommands(command.device_id)) await this.#sendCancel(command)
    return command
  }

  /** Settles what time has overtaken. Run by a job. */
  async expire(now: number): Promise<number> {
    const settled = await settleOverdue(this.#store.db, now)
    for (const command of settled) this.#tell(command)
    return settled.length
  }

  /**
   * Waits until a command is settled, at most `ms` milliseconds, and not beyond `signal`. @returns the command as it then is
   * @param known the command, when it was issued just now; else it is looked up, since it may be settled already
   */
  async settled(id: string, ms: number, signal: AbortSignal, known?: Command): Promise<Command> {
    // Listening begins before the row is read, so that no change falls between.
    const changed = this.#untilSettled(id, ms, signal)
    const now = known ?? (await getCommand(this.#store.db, id))
    if (!isOpen(now.status)) return now
    return (await changed) ?? (signal.aborted ? now : getCommand(this.#store.db, id))
  }

  /** One listener for all changes: two may come in one turn, and whoever listens anew after the first misses the second. */
  #untilSettled(id: string, ms: number, signal: AbortSignal): Promise<Command | null> {
    return new Promise(resolve => {
      const end = (command: Command | null) => {
        clearTimeout(timeout)
        this.#changes.off(id, look)
        signal.removeEventListener('abort', giveUp)
        resolve(command)
      }
      const look = (command: Command) => {
        if (!isOpen(command.status)) end(command)
      }
      const giveUp = () => end(null)
      const timeout = setTimeout(giveUp, ms)
      this.#changes.on(id, look)
      signal.addEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
    })
  }

  /** On one connection: on the next one what this one did not acknowledge comes first. */
  async #sendAll(device_id: string): Promise<void> {
    const session = this.#sessions.get(device_id)
    let last = ''
    for (;;) {
      const waiting = await sendable(this.#store.db, device_id, last)
      for (const command of waiting) {
        if (!this.#isOn(device_id, session)) return
        await this.#sendOne(command, session)
        last = command.id
      }
      if (waiting.length < sentAtOnce) return
    }
  }

  async #sendOne({ id, expires_at, attempt }: Command, session: number | undefined): Promise<void> {
    const now = Date.now()
    if (expires_at <= now) return
    const sent = await moveCommand(
      this.#store.db,
      id,
      { status: ['queued'] },
      { status: 'sent', sent_at: now, attempt: attempt + 1 },
    )
    if (!sent) return
    await this.#hand(sent, session)
    this.#tell(sent)
  }

  /** Whether the device is still there on this connection, and nothing is to be sent before. */
  #isOn(device_id: string, session: number | undefined): boolean {
    const isSame = this.#sessions.get(device_id) === session && !this.#requeueing.has(device_id)
    return isSame && this.#outbox.isReadyForCommands(device_id)
  }

  /** Hands a command that is written down as sent to the broker; back in the queue with it, if its connection has gone meanwhile. */
  async #hand(command: Command, session: number | undefined): Promise<void> {
    const { id, home_id, device_id, name, params, issued_at, expires_at, attempt } = command
    if (!this.#isOn(device_id, session)) {
      await moveCommand(this.#store.db, id, { status: ['sent'] }, { status: 'queued' })
      this.send(device_id)
      return
    }
    const message = { id, name, params, issued_at, expires_at, attempt }
    await this.#outbox.publish(mountedTopic(home_id, device_id, 'commands'), JSON.stringify(message), {
      qos: 1,
      receipt: id,
    })
  }

  #sendCancel({ id, device_id, home_id }: Command): Promise<void> {
    return this.#outbox.publish(mountedTopic(home_id, device_id, 'commands/cancel'), JSON.stringify({ id }), { qos: 1 })
  }

  #tell(command: Command): void {
    this.#changes.emit(command.id, command)
    this.#outbox
      .publish(homeCommandsTopic(command.home_id), JSON.stringify({ command }), { qos: 1 })
      .catch(error =>
        this.#log.warn({ err: error, command_id: command.id }, 'a change of a command could not be published'),
      )
  }
}
