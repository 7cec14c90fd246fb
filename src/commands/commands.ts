import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { HubError } from '../errors.js'
import type { CommandResult } from '../messages.js'
import { type CommandStatus, openStatuses } from '../store/command-tables.js'
import { inTransaction } from '../store/in-transaction.js'
import type { Db } from '../store/store.js'
import { homeCommandsTopic, mountedTopic } from '../topics.js'
import { type Issued, insertCommand, type NewCommand } from './issue.js'
import { type Command, getCommand, isOpen, moveCommand, requeue, sendable, settleOverdue, toCancel } from './rows.js'
import { keepUncounted } from './timeline.js'

export interface Outbox {
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean; receipt?: string }): Promise<void>
  /** Whether the device is connected and subscribed to its commands. */
  isReadyForCommands(device_id: string): boolean
}

/**
 * From which statuses a result may move a command. A late `accepted` does not take a running command back; `queued` is here for what was
 * sent, lost its link and waits to be sent again.
 */
const before: Readonly<Record<CommandResult['status'], readonly CommandStatus[]>> = {
  accepted: ['queued', 'sent', 'delivered'],
  running: openStatuses,
  succeeded: openStatuses,
  failed: openStatuses,
  rejected: openStatuses,
  cancelled: openStatuses,
}

/**
 * Commands are rows before they are messages (D7): every step is committed, then told. One device's commands are sent one after the
 * other in the order of their ids; different devices do not wait for each other.
 */
export class Commands {
  readonly #db: Db
  readonly #outbox: Outbox
  readonly #log: Logger
  readonly #changes = new EventEmitter().setMaxListeners(0)
  /** Devices that are being sent to; true when more has come in the meantime. */
  readonly #sending = new Map<string, boolean>()
  /** The connection on which each device was last ready. */
  readonly #sessions = new Map<string, number>()

  constructor(db: Db, outbox: Outbox, log: Logger) {
    this.#db = db
    this.#outbox = outbox
    this.#log = log
  }

  /**
   * Writes the command down, and sends it when the device is there. Settles after the first commit, not after the answer.
   * @param also what else belongs into that commit; not asked for an order that was given before
   * @throws HubError `conflict`, see `insertCommand`
   */
  async issue(wanted: NewCommand, also?: (tx: Db, command: Command) => Promise<void>): Promise<Issued> {
    const issued = await inTransaction(this.#db, async tx => {
      const inserted = await insertCommand(tx, wanted)
      if (!inserted.repeated) await also?.(tx, inserted.command)
      return inserted
    })
    if (!issued.repeated) this.issued(issued)
    return issued
  }

  /** Tells of a command that has been written down and committed, and sends it when the device is there. */
  issued({ command, superseded }: Issued): void {
    for (const changed of [...superseded, command]) this.#tell(changed)
    this.send(command.device_id)
  }

  /**
   * The device has subscribed to its commands. What was sent on an earlier connection and never acknowledged is sent again, once a
   * connection: the device knows a command by its id.
   */
  async ready(device_id: string, session: number): Promise<void> {
    if (this.#sessions.get(device_id) !== session) {
      this.#sessions.set(device_id, session)
      await requeue(this.#db, device_id)
      for (const command of await toCancel(this.#db, device_id)) await this.#sendCancel(command)
    }
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
    if (!this.#outbox.isReadyForCommands(device_id)) return
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
      this.#db,
      id,
      { status: ['sent'] },
      { status: 'delivered', delivered_at: Date.now() },
    )
    if (command) this.#tell(command)
  }

  /** Takes what a device says of a command. One that is settled, or another device's, is not changed; what came late stands in its timeline. */
  async result(device_id: string, { id, status, progress, result, error }: CommandResult): Promise<void> {
    const known = await this.#db.selectFrom('commands').select('device_id').where('id', '=', id).executeTakeFirst()
    if (known?.device_id !== device_id) return
    const command = await moveCommand(
      this.#db,
      id,
      { status: before[status], sent: true },
      {
        status,
        settled_at: isOpen(status) ? null : Date.now(),
        ...(progress === undefined ? {} : { progress }),
        ...(result === undefined ? {} : { result: JSON.stringify(result) }),
        ...(error === undefined ? {} : { error }),
      },
    )
    if (command) this.#tell(command)
    else await keepUncounted(this.#db, id, { status, progress: progress ?? null })
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
      (await moveCommand(this.#db, id, unsent, { status: 'cancelled', settled_at: now })) ??
      (await moveCommand(this.#db, id, { status: openStatuses, sent: true }, { cancel_requested_at: now }))
    const command = changed ?? (await getCommand(this.#db, id))
    if (!changed) throw new HubError('conflict', `The command is ${command.status} and can no longer be cancelled.`)
    this.#tell(command)
    if (isOpen(command.status) && this.#outbox.isReadyForCommands(command.device_id)) await this.#sendCancel(command)
    return command
  }

  /** Settles what time has overtaken. Run by a job. */
  async expire(now: number): Promise<number> {
    const settled = await settleOverdue(this.#db, now)
    for (const command of settled) this.#tell(command)
    return settled.length
  }

  /** Waits until a command is settled, at most `ms` milliseconds. @returns the command as it then is */
  async settled(id: string, ms: number): Promise<Command> {
    const waiting = new AbortController()
    // Listening begins before the row is read, so that no change falls between.
    const changed = this.#untilSettled(id, waiting.signal)
    const timeout = setTimeout(() => waiting.abort(), ms)
    try {
      const now = await getCommand(this.#db, id)
      return isOpen(now.status) ? ((await changed) ?? (await getCommand(this.#db, id))) : now
    } finally {
      clearTimeout(timeout)
      waiting.abort()
    }
  }

  /** One listener for all changes: two may come in one turn, and whoever listens anew after the first misses the second. */
  #untilSettled(id: string, signal: AbortSignal): Promise<Command | null> {
    return new Promise(resolve => {
      const look = (command: Command) => {
        if (!isOpen(command.status)) resolve(command)
      }
      this.#changes.on(id, look)
      signal.addEventListener('abort', () => {
        this.#changes.off(id, look)
        resolve(null)
      })
    })
  }

  async #sendAll(device_id: string): Promise<void> {
    let last = ''
    for (;;) {
      const waiting = await sendable(this.#db, device_id, last)
      if (waiting.length === 0) return
      for (const command of waiting) {
        if (!this.#outbox.isReadyForCommands(device_id)) return
        await this.#sendOne(command)
        last = command.id
      }
    }
  }

  async #sendOne({ id, expires_at, attempt }: Command): Promise<void> {
    const now = Date.now()
    if (expires_at <= now) return
    const sent = await moveCommand(
      this.#db,
      id,
      { status: ['queued'] },
      { status: 'sent', sent_at: now, attempt: attempt + 1 },
    )
    if (!sent) return
    const { name, params, issued_at } = sent
    const message = { id, name, params, issued_at, expires_at, attempt: attempt + 1 }
    await this.#outbox.publish(mountedTopic(sent.home_id, sent.device_id, 'commands'), JSON.stringify(message), {
      qos: 1,
      receipt: id,
    })
    this.#tell(sent)
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
