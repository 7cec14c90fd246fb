import mqtt, { type MqttClient } from 'mqtt'
import { publishUntilTaken } from '../../simulators/link.js'

/** How a device answers, as its orders ask it to. */
export const manners = ['at once', 'failing', 'working', 'late', 'never'] as const
export type Manner = (typeof manners)[number]

/** How long it works, or is late, in milliseconds: longer than the shortest time to live. */
const workMs = 1500

interface Order {
  readonly id: string
  readonly params: { readonly n: number; readonly manner: Manner }
}

/** What a device did with one command. Times are those at which the hub acknowledged what was said. */
export interface Run {
  readonly n: number
  /** How often the command came. */
  received: number
  accepted_at: number | null
  said: 'succeeded' | 'failed' | null
  said_at: number | null
}

/** A device that remembers what it has run: for an id that comes again it repeats its result. */
export class CommandDevice {
  readonly id: string
  /** By command id, in the order in which they were run. */
  readonly runs = new Map<string, Run>()
  readonly #client: MqttClient

  /** @param present whether it connects at once; see `come` */
  constructor(id: string, password: string, port: number, present: boolean) {
    this.id = id
    const who = { clientId: id, username: id, password }
    this.#client = mqtt.connect({ host: '127.0.0.1', port, ...who, reconnectPeriod: 50, manualConnect: !present })
    // A hub that was killed is no fault of the device's.
    this.#client.on('error', () => undefined)
    this.#client.on('message', (_, payload) => this.#take(JSON.parse(payload.toString()) as Order))
    this.#client.subscribe(`devices/${id}/commands`, { qos: 1 })
  }

  get connected(): boolean {
    return this.#client.connected
  }

  come(): void {
    this.#client.connect()
  }

  /** Loses its connection, and comes back. */
  drop(): void {
    this.#client.stream?.destroy()
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
  }

  #take({ id, params }: Order): void {
    const known = this.runs.get(id)
    if (known) {
      known.received++
      if (known.said) this.#settle(id, known, known.said)
      return
    }
    const run: Run = { n: params.n, received: 1, accepted_at: null, said: null, said_at: null }
    this.runs.set(id, run)
    this.#run(id, run, params.manner)
  }

  #run(id: string, run: Run, manner: Manner): void {
    if (manner === 'never') return
    if (manner === 'at once') this.#settle(id, run, 'succeeded')
    else if (manner === 'failing') this.#settle(id, run, 'failed')
    else setTimeout(() => this.#settle(id, run, 'succeeded'), workMs)
    if (manner === 'working')
      this.#say(id, 'accepted', () => {
        run.accepted_at ??= Date.now()
      })
  }

  #settle(id: string, run: Run, status: 'succeeded' | 'failed'): void {
    run.said = status
    this.#say(id, status, () => {
      run.said_at ??= Date.now()
    })
  }

  #say(id: string, status: string, done: () => void): void {
    const result = JSON.stringify({ id, status })
    publishUntilTaken(this.#client, `devices/${this.id}/commands/result`, result, { qos: 1 }, error => {
      if (!error) done()
    })
  }
}
