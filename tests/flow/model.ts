import type { CommandResult } from '../../src/messages.js'
import { type CommandStatus, settledStatuses } from '../../src/store/command-tables.js'

export type Said = CommandResult['status']

/** A command as the contract has it. */
export interface ModelCommand {
  readonly id: string
  readonly device: number
  readonly key: string | undefined
  status: CommandStatus
  attempt: number
  /** Its device is asked not to run it. */
  unwanted: boolean
}

interface ModelDevice {
  online: boolean
  /** It hears, and acknowledges nothing. */
  mute: boolean
}

const settled: readonly CommandStatus[] = settledStatuses
const ending: readonly Said[] = ['succeeded', 'failed', 'rejected', 'cancelled']

/** What the contract says of commands and presence, with nothing else in it. */
export class Model {
  readonly devices: ModelDevice[] = [
    { online: false, mute: false },
    { online: false, mute: false },
  ]
  readonly commands: ModelCommand[] = []

  /** A new connection: what was not acknowledged before is sent, again, unless it is not to be run any more. */
  connect(device: number, mute: boolean): void {
    this.devices[device] = { online: true, mute }
    for (const command of this.#of(device, ['queued', 'sent'])) {
      if (command.unwanted) command.status = 'queued'
      else this.#send(command)
    }
  }

  disconnect(device: number): void {
    this.devices[device] = { online: false, mute: false }
  }

  restart(): void {
    for (const device of this.devices.keys()) this.disconnect(device)
  }

  issue(id: string, device: number, key: string | undefined): void {
    for (const old of this.#of(device, ['queued']))
      if (key !== undefined && old.key === key && old.attempt === 0) old.status = 'superseded'
    const command: ModelCommand = { id, device, key, status: 'queued', attempt: 0, unwanted: false }
    this.commands.push(command)
    if (this.devices[device]?.online) this.#send(command)
  }

  /** What was sent may have been run: its device is asked. @returns whether it may be cancelled */
  cancel(command: ModelCommand): boolean {
    if (settled.includes(command.status)) return false
    if (command.attempt === 0) command.status = 'cancelled'
    else command.unwanted = true
    return true
  }

  result(device: number, command: ModelCommand, said: Said): void {
    if (command.device !== device || command.attempt === 0 || settled.includes(command.status)) return
    const begun = command.status === 'accepted' || command.status === 'running'
    if (said === 'accepted' && begun) return
    command.status = ending.includes(said) || said === 'running' || !begun ? said : command.status
  }

  /** Every time to live is over; with `work`, also the time that a device may be at work. */
  expire(work: boolean): void {
    for (const command of this.commands) {
      const { status, attempt } = command
      if (status === 'queued' && attempt === 0) command.status = 'expired'
      else if (['queued', 'sent', 'delivered'].includes(status)) command.status = 'unknown'
      else if (work && ['accepted', 'running'].includes(status)) command.status = 'unknown'
    }
  }

  #of(device: number, statuses: readonly CommandStatus[]): ModelCommand[] {
    return this.commands.filter(command => command.device === device && statuses.includes(command.status))
  }

  #send(command: ModelCommand): void {
    command.status = this.devices[command.device]?.mute ? 'sent' : 'delivered'
    command.attempt++
  }
}
