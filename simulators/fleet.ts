import { HubError } from '../src/errors.js'
import { Device } from './device.js'
import { type Faults, parseFaults } from './faults.js'
import { Histogram } from './histogram.js'
import { models, modelsOf } from './models.js'
import { deriveSeed } from './random.js'

export interface Credentials {
  readonly id: string
  readonly api_key?: string | undefined
}

export interface SimulateOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, with host and port. */
  readonly url: string
  /** Where the hub's API is, for what devices upload. */
  readonly http_url?: string | undefined
  /** One device for each. */
  readonly credentials: readonly Credentials[]
  /** A name of `models`, or `fleet` for all of them in turn. */
  readonly model: string
  /** All that happens by chance follows from it; 1 when not given. */
  readonly seed?: number | undefined
  readonly interval_ms?: number | undefined
  readonly heartbeat_ms?: number | undefined
  /** As `parseFaults` reads it, or already read. */
  readonly faults?: string | Faults | undefined
  readonly keep_ledger?: boolean | undefined
  /** Called each second from the beginning of `start` to the end of `stop`. */
  readonly on_status?: ((status: FleetStatus) => void) | undefined
}

export interface FleetStatus {
  readonly devices: number
  readonly connected: number
  /** Messages of telemetry, and their PUBACKs. */
  readonly sent: number
  readonly acknowledged: number
  /** PUBACKs in the second before. */
  readonly per_second: number
  /** From PUBLISH to PUBACK, over all that were acknowledged; 0 when none was. */
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  readonly commands: number
  /** Messages that the hub could not read. */
  readonly errors: number
  /** Why a device that is not connected is not; null when all are. */
  readonly last_error: string | null
}

/** Connections made at a time. */
const maxConnecting = 20
const statusMs = 1000

/** Several devices of one or of several models. `start` and `stop` each once. */
export class Fleet {
  readonly devices: readonly Device[]
  readonly #latencies = new Histogram()
  readonly #onStatus: ((status: FleetStatus) => void) | undefined
  #ticker: NodeJS.Timeout | undefined
  #last = { at: 0, acknowledged: 0 }
  #perSecond = 0

  /** @throws HubError invalid_request for a model or a fault that there is not */
  constructor(options: SimulateOptions) {
    const { url, http_url, credentials, model, seed = 1, interval_ms, heartbeat_ms, keep_ledger } = options
    const names = modelsOf(model)
    const faults = typeof options.faults === 'string' ? parseFaults(options.faults) : options.faults
    const on_ack = (latency_ms: number) => this.#latencies.record(latency_ms)
    this.#onStatus = options.on_status
    this.devices = credentials.map(({ id, api_key }, index) => {
      const create = models[names[index % names.length] ?? names[0]]
      const own = deriveSeed(seed, index)
      return new Device({
        url,
        http_url,
        id,
        api_key,
        model: create(own),
        seed: own,
        interval_ms,
        heartbeat_ms,
        faults,
        keep_ledger,
        on_ack,
      })
    })
  }

  /**
   * Connects the devices, at most 20 at a time. Settles when each has said hello, and waits for a hub that cannot be reached.
   * @throws HubError unauthorized when one is refused: then all are stopped; shutting_down when it is stopped meanwhile
   */
  async start(): Promise<void> {
    this.#last = { at: performance.now(), acknowledged: 0 }
    this.#ticker = setInterval(() => this.#tell(), statusMs)
    const waiting = this.devices.values()
    const connecting = Array.from({ length: maxConnecting }, async () => {
      for (const device of waiting) await device.start()
    })
    try {
      await Promise.all(connecting)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Stops every device. Settles when the last connection is closed. */
  async stop(): Promise<void> {
    await Promise.all(this.devices.map(device => device.stop()))
    clearInterval(this.#ticker)
  }

  status(): FleetStatus {
    const sum = (figure: (device: Device) => number) =>
      this.devices.reduce((total, device) => total + figure(device), 0)
    return {
      devices: this.devices.length,
      connected: sum(device => (device.connected ? 1 : 0)),
      sent: sum(device => device.counts.sent),
      acknowledged: sum(device => device.counts.acknowledged),
      per_second: this.#perSecond,
      p50_ms: this.#latencies.percentile(0.5),
      p99_ms: this.#latencies.percentile(0.99),
      max_ms: this.#latencies.max_ms,
      commands: sum(device => device.met.commands),
      errors: sum(device => device.met.errors),
      last_error: this.devices.find(device => !device.connected && device.lastError !== null)?.lastError ?? null,
    }
  }

  #tell(): void {
    const at = performance.now()
    const { count } = this.#latencies
    this.#perSecond = Math.round(((count - this.#last.acknowledged) * 1000) / (at - this.#last.at))
    this.#last = { at, acknowledged: count }
    this.#onStatus?.(this.status())
  }
}

/**
 * Starts simulated devices; the entry of `hearth simulate`. Settles when all are connected, and the fleet runs until it is stopped.
 * @param signal stops the fleet, also one that still waits for its hub
 * @throws HubError as `Fleet` does, and invalid_request without credentials
 */
export async function simulate(options: SimulateOptions, signal?: AbortSignal): Promise<Fleet> {
  if (options.credentials.length === 0) throw new HubError('invalid_request', 'There are no devices to simulate.')
  const fleet = new Fleet(options)
  if (signal?.aborted) throw new HubError('shutting_down', 'The simulation was stopped before it began.')
  signal?.addEventListener('abort', () => void fleet.stop(), { once: true })
  await fleet.start()
  return fleet
}
