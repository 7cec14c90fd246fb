import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { generate } from 'mqtt-packet'
import { pino } from 'pino'
import { loadConfig } from '../config/config.js'
import { HearthClient } from '../src/client/client.js'
import { createHub, type Hub } from '../src/hub.js'

export const admin = { email: 'admin@example.org', password: 'correct horse battery' }

/** Any free port, on this machine alone; and no limit that a test would meet without meaning to. */
export const testSettings = {
  HEARTH_HOST: '127.0.0.1',
  HEARTH_MQTT_PORT: '0',
  HEARTH_HTTP_PORT: '0',
  HEARTH_MQTTS_PORT: '0',
  HEARTH_ADMIN_EMAIL: admin.email,
  HEARTH_ADMIN_PASSWORD: admin.password,
  HEARTH_LOG_LEVEL: 'debug',
  HEARTH_LIMIT_LOGIN: '0',
  HEARTH_LIMIT_API: '0',
  HEARTH_LIMIT_COMMANDS: '0',
  HEARTH_LIMIT_UPDATES: '0',
  HEARTH_LIMIT_DEVICE_MESSAGES: '0',
} as const

export interface TestHub {
  readonly hub: Hub
  readonly data_dir: string
  readonly http_url: string
  readonly mqtt_url: string
  /** Speaks to the API as the administrator. */
  readonly client: HearthClient
  /** The administrator's access token. */
  readonly access_token: string
  /** Every line that was logged. */
  readonly logged: readonly string[]
  /** Makes a device. @returns its API key */
  device(id: string, more?: object): Promise<string>
  /** Connects as a device. The connection ends with the hub. */
  connect(id: string, api_key: string, options?: IClientOptions): Promise<MqttClient>
  /** Connects as the administrator and gathers what it hears on these topic filters. */
  listen(...filters: string[]): Promise<Heard>
  /** Closes the hub and starts another on the same data. */
  restart(): Promise<TestHub>
  /** Closes everything and removes the data. */
  close(): Promise<void>
}

export interface Heard {
  readonly client: MqttClient
  readonly messages: { topic: string; payload: string; retain: boolean }[]
  /** The first message, heard already or still to come, that fits. */
  next(
    fits: (message: { topic: string; payload: string; retain: boolean }) => boolean,
  ): Promise<{ topic: string; payload: string }>
}

/** A whole hub on free ports, in a directory of its own. */
export async function startHub(env: Record<string, string> = {}, data_dir?: string): Promise<TestHub> {
  const dir = data_dir ?? (await mkdtemp(join(tmpdir(), 'hearth-')))
  const logged: string[] = []
  const log = pino({ level: 'debug' }, { write: line => void logged.push(line) })
  const hub = await createHub(loadConfig({ ...testSettings, HEARTH_DATA_DIR: dir, ...env }), log)
  const clients: MqttClient[] = []
  const http_url = `http://127.0.0.1:${hub.ports.http}`
  const mqtt_url = `mqtt://127.0.0.1:${hub.ports.mqtt}`
  const access_token = await logIn(http_url)
  const client = new HearthClient({ url: http_url, access_token })
  const connect = async (options: IClientOptions) => {
    const made = await mqtt.connectAsync(mqtt_url, { reconnectPeriod: 0, ...options })
    clients.push(made)
    made.on('error', () => made.end(true))
    return made
  }
  const stop = async () => {
    for (const one of clients) await one.endAsync(true)
    await hub.close()
  }
  return {
    hub,
    data_dir: dir,
    http_url,
    mqtt_url,
    client,
    access_token,
    logged,
    device: async (id, more = {}) =>
      (await client.post<{ api_key: string }>('/devices', { id, name: id, ...more })).api_key,
    connect: (id, api_key, options = {}) => connect({ clientId: id, username: id, password: api_key, ...options }),
    listen: async (...filters) => {
      const clientId = `user-test-${clients.length}`
      return gather(await connect({ clientId, username: 'test', password: access_token }), filters)
    },
    restart: async () => {
      await stop()
      return startHub(env, dir)
    },
    close: async () => {
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function logIn(url: string): Promise<string> {
  const { email, password } = admin
  const { access_token } = await new HearthClient({ url }).post<{ access_token: string }>('/auth/login', {
    email,
    password,
  })
  return access_token
}

async function gather(client: MqttClient, filters: string[]): Promise<Heard> {
  const messages: Heard['messages'] = []
  client.on('message', (topic, payload, { retain }) => messages.push({ topic, payload: payload.toString(), retain }))
  await client.subscribeAsync(filters, { qos: 1 })
  const next: Heard['next'] = fits => until(() => messages.find(fits))
  return { client, messages, next }
}

/** Publishes at QoS 1 under a packet identifier of the caller's choosing, with DUP or without. Settles with the PUBACK. */
export function publishAgain(
  client: MqttClient,
  { topic, payload, messageId, dup }: { topic: string; payload: string; messageId: number; dup: boolean },
): Promise<void> {
  const packet = { cmd: 'publish', topic, payload, qos: 1, retain: false, messageId, dup } as const
  return new Promise((resolve, reject) => {
    const heardAck = (ack: { cmd: string; messageId?: number }) => {
      if (ack.cmd !== 'puback' || ack.messageId !== messageId) return
      client.off('packetreceive', heardAck)
      resolve()
    }
    client.on('packetreceive', heardAck)
    client.stream.write(generate(packet), error => (error ? reject(error) : undefined))
  })
}

/** Waits until something is so, looking again and again. @throws Error when it is not so after `ms` milliseconds */
export async function until<T>(look: () => T | Promise<T>, ms = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    if (performance.now() > end) throw new Error(`It was not so within ${ms} ms: ${look}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
