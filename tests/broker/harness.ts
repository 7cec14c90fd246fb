import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { Aedes, type AedesOptions } from 'aedes'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createBroker } from '../../broker/broker.js'
import {
  type Broker,
  type BrokerHandlers,
  type BrokerOptions,
  type BrokerRefusal,
  type Credentials,
  Refusal,
} from '../../broker/contract.js'
import { type Listeners, openListeners } from '../../broker/listeners.js'
import { Sessions } from '../../broker/sessions.js'
import { loadConfig } from '../../config/config.js'
import type { DeviceConnection, DeviceMessage, Done } from '../../src/inbound.js'
import type { ClaimPrincipal, DevicePrincipal, Principal } from '../../src/principal.js'
import type { Db } from '../../src/store/store.js'
import { openTestStore, type TestStore } from '../store/harness.js'
import { addOwner } from './owners.js'

const silent = pino({ level: 'silent' })

/** Handlers that keep a record: device `d` of home `home-d` has the key `key-d`; tokens are `person:role:home,home`. */
class Recorder implements BrokerHandlers {
  readonly messages: DeviceMessage[] = []
  readonly events: string[] = []
  readonly delivered_receipts: string[] = []
  readonly attempts: Credentials[] = []
  readonly refused_list: string[] = []
  readonly homes = new Map<string, string>()
  readonly refusals = new Map<string, Refusal>()
  expires_at: number | null = null
  /** Where owners of sessions are made as they log in. */
  db: Db | null = null
  onReceive: (message: DeviceMessage, done: Done) => void = (_message, done) => done(null)
  onAuthenticate: (credentials: Credentials) => Promise<void> = async () => undefined

  async authenticate(credentials: Credentials): Promise<Principal> {
    this.attempts.push(credentials)
    await this.onAuthenticate(credentials)
    const principal = this.#principalOf(credentials)
    if (this.db) addOwner(this.db, principal)
    return principal
  }

  #principalOf(credentials: Credentials): Principal {
    const { username, password } = credentials
    const refusal = this.refusals.get(username ?? '')
    if (refusal) throw refusal
    if (password === `key-${username}` && username) return this.device(username)
    const [person, role, homes] = password?.split(':') ?? []
    if (person?.startsWith('service')) {
      const scopes = JSON.parse(password?.slice(person.length + 1) ?? '{}')
      const { publish = [], subscribe = [] } = scopes as { publish?: string[]; subscribe?: string[] }
      return { kind: 'service', id: person, name: person, publish, subscribe, api: 'none', expires_at: this.expires_at }
    }
    if (person?.startsWith('claim'))
      return { kind: 'claim', id: person, home_id: 'h', expires_at: Date.now() + 3_600_000 }
    if (person?.startsWith('person') && role) {
      return {
        kind: 'person',
        id: person,
        role: role as 'user',
        homes: new Map(homes?.split(',').map(home => [home, 'member' as const])),
        session_id: 'login',
        expires_at: this.expires_at ?? Date.now() + 3_600_000,
      }
    }
    throw new Refusal(4, 'credentials')
  }

  device(id: string): DevicePrincipal {
    const home_id = this.homes.get(id) ?? `home-${id}`
    return { kind: 'device', id, num: 1, home_id, key_id: `key-id-${id}`, expires_at: this.expires_at }
  }

  async deviceAt(home_id: string, device_id: string): Promise<DevicePrincipal | null> {
    const device = this.device(device_id)
    return device.home_id === home_id ? device : null
  }

  async provision(claim: ClaimPrincipal, _address: string, payload: Buffer): Promise<string> {
    return JSON.stringify({ claim: claim.id, said: payload.toString() })
  }

  refused({ action, target }: BrokerRefusal): void {
    this.refused_list.push(`${action} ${target}`)
  }

  receive(message: DeviceMessage, done: Done): void {
    this.messages.push(message)
    this.onReceive(message, done)
  }

  connected({ device }: DeviceConnection): void {
    this.events.push(`+${device.id}`)
  }

  disconnected({ device }: DeviceConnection, reason: string): void {
    this.events.push(`-${device.id} ${reason}`)
  }

  readyForCommands({ device }: DeviceConnection): void {
    this.events.push(`ready ${device.id}`)
  }

  delivered(_connection: DeviceConnection, receipt: string): void {
    this.delivered_receipts.push(receipt)
  }
}

export interface Running {
  readonly broker: Broker
  readonly sessions: Sessions
  readonly store: TestStore
  readonly listeners: Listeners
  readonly recorder: Recorder
  readonly httpServer: Server
  readonly port: number
  readonly ws_port: number
}

interface Options extends Partial<BrokerOptions> {
  /** Where the sessions are, when it is to outlive the broker; else the broker has one of its own. */
  readonly store?: TestStore
  /** Spoils the sessions. */
  readonly unruly?: (sessions: Sessions) => void
}

/** A broker with all its listeners on free ports, closed when the test ends. */
export async function startBroker(env: Record<string, string> = {}, options: Options = {}): Promise<Running> {
  const recorder = new Recorder()
  const config = loadConfig({ HEARTH_MQTT_PORT: '0', HEARTH_MQTTS_PORT: '0', ...env })
  const store = options.store ?? (await openTestStore({ sync: 'normal' }))
  recorder.db = store.db
  const sessions = new Sessions(store.db, options.log ?? silent)
  options.unruly?.(sessions)
  const broker = await createBroker({ config, log: silent, handlers: recorder, ...options, sessions })
  const httpServer = createServer((_request, response) => response.writeHead(404).end())
  await new Promise<void>(resolve => httpServer.listen(0, '127.0.0.1', resolve))
  const listeners = await openListeners({ config, broker, log: silent, httpServer })
  onTestFinished(async () => {
    await listeners.close()
    await broker.close()
    httpServer.closeAllConnections()
    httpServer.close()
    if (!options.store) await store.close()
  })
  const ws_port = (httpServer.address() as AddressInfo).port
  return { broker, sessions, store, listeners, recorder, httpServer, port: listeners.mqtt_port, ws_port }
}

/** A real client that does not reconnect, ended when the test ends. */
export async function connectClient(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: 4000, ...options }, false)
  client.on('error', () => undefined)
  onTestFinished(() => client.endAsync(true))
  return client
}

export const connectDevice = ({ port }: { port: number }, id: string, options: IClientOptions = {}) =>
  connectClient(`mqtt://127.0.0.1:${port}`, { clientId: id, username: id, password: `key-${id}`, ...options })

export const connectPerson = ({ port }: { port: number }, token = 'person1:admin', options: IClientOptions = {}) =>
  connectClient(`mqtt://127.0.0.1:${port}`, { clientId: 'user-a', username: 'me', password: token, ...options })

/** Waits until `condition` holds, looking every few milliseconds. */
export async function until(condition: () => boolean, what = 'the condition', ms = 10_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what} did not come to hold: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** What a scenario needs of a broker, so that it can be played on ours and on stock Aedes. */
export interface Target {
  readonly port: number
  readonly recorder: Recorder
  /** A device's topic as everybody else knows it. */
  seenAs(id: string, rest: string): string
  /** Clients that the broker believes to be connected. */
  clients(): number
}

export async function ours(env: Record<string, string> = {}, options: Options = {}) {
  const running = await startBroker(env, options)
  return {
    ...running,
    seenAs: (id: string, rest: string) => `homes/home-${id}/devices/${id}/${rest}`,
    clients: () => running.broker.stats().connections,
  }
}

/** Stock Aedes with the hooks one would write at first: who may use a topic is checked, and stored before PUBACK. */
export async function stock(options: AedesOptions = {}): Promise<Target & { aedes: Aedes }> {
  const recorder = new Recorder()
  const aedes = await Aedes.createBroker({
    authenticate: (client, username, password, done) => {
      const credentials = { username: username ?? null, password: password?.toString() ?? null, address: '' }
      recorder.authenticate(credentials).then(
        principal => {
          Object.assign(client, { principal })
          done(null, true)
        },
        error => done(error, false),
      )
    },
    authorizePublish: (client, packet, done) => {
      const device = recorder.device(client?.id ?? '')
      const message = {
        device,
        rest: packet.topic.split('/').slice(2).join('/'),
        kind: null,
        payload: packet.payload,
        qos: packet.qos,
        message_id: packet.messageId ?? null,
        dup: packet.dup,
        received_at: Date.now(),
      } as DeviceMessage
      recorder.receive(message, done)
    },
    authorizeSubscribe: (client, sub, done) => {
      const { principal } = client as unknown as { principal: Principal }
      const allowed = principal.kind === 'person' || sub.topic.startsWith(`devices/${principal.id}/`)
      done(null, allowed ? sub : null)
    },
    ...options,
  })
  const server = createTcpServer(socket => aedes.handle(socket))
  const port = await listen(server)
  onTestFinished(async () => {
    server.close()
    await new Promise<void>(resolve => aedes.close(resolve))
  })
  return {
    aedes,
    port,
    recorder,
    seenAs: (id, rest) => `devices/${id}/${rest}`,
    clients: () => aedes.connectedClients,
  }
}

async function listen(server: { listen(port: number, host: string, done: () => void): unknown; address(): unknown }) {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
