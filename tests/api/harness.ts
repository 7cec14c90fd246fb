import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { type Config, loadConfig } from '../../config/config.js'
import { Alerts } from '../../src/alerts/alerts.js'
import type { ApiContext, Ingested } from '../../src/api/context.js'
import { createApi } from '../../src/api/server.js'
import { AuditHead } from '../../src/audit/head.js'
import { Refusals } from '../../src/audit/refusals.js'
import { Commands, type Outbox } from '../../src/commands/commands.js'
import { KeyRing } from '../../src/devices/key-ring.js'
import { recordEvent, recordHeartbeat, recordLogLine } from '../../src/devices/reports.js'
import { ensureDefaultHome } from '../../src/homes/homes.js'
import { type Audio, openAudio } from '../../src/hub-audio.js'
import { PayloadFault, parseObject } from '../../src/json.js'
import { Notifier } from '../../src/notifications/notifier.js'
import { openSeal, type Seal } from '../../src/notifications/seal.js'
import { createSenders } from '../../src/notifications/senders.js'
import { Directory } from '../../src/people/directory.js'
import { hashPassword } from '../../src/people/passwords.js'
import { logIn } from '../../src/people/sessions.js'
import { openSigningKeys, type SigningKeys } from '../../src/people/signing-keys.js'
import { createUser, type Known } from '../../src/people/users.js'
import type { DevicePrincipal } from '../../src/principal.js'
import { quarantine } from '../../src/quarantine/quarantine.js'
import { openStore, type Store } from '../../src/store/store.js'
import { Uses } from '../../src/uses.js'

export const admin = { email: 'admin@example.org', username: 'admin', password: 'correct horse battery' }

interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown
}

export interface Started {
  readonly url: string
  readonly api: FastifyInstance
  readonly store: Store
  readonly alerts: Alerts
  readonly commands: Commands
  readonly seal: Seal
  readonly audio: Audio
  readonly signing_keys: SigningKeys
  readonly directory: Directory
  readonly key_ring: KeyRing
  readonly data_dir: string
  readonly user: Known
  readonly token: string
  /** What the hub would have published, cut and told, in order. */
  readonly published: { topic: string; payload: string }[]
  readonly told: unknown[]
  readonly logged: string[]
  /** Device ids that are connected and subscribed to their commands. */
  readonly ready: Set<string>
  call(method: string, path: string, options?: Call): Promise<Answer>
  /** Makes a device. @returns its API key */
  device(id: string, more?: object): Promise<string>
  close(): Promise<void>
}

interface Call {
  readonly body?: unknown
  /** The body byte for byte. */
  readonly raw?: string | Buffer
  /** An API key instead of the administrator's token; null for no credential. */
  readonly key?: string | null
  readonly headers?: Record<string, string>
}

const unlimited = {
  HEARTH_LIMIT_LOGIN: '0',
  HEARTH_LIMIT_API: '0',
  HEARTH_LIMIT_COMMANDS: '0',
  HEARTH_LIMIT_UPDATES: '0',
  HEARTH_LIMIT_DEVICE_MESSAGES: '0',
}

/** The API over a real store, listening on a free port, with a small stand-in for broker and bridge. Limits are off unless given. */
export async function startApi(env: Record<string, string> = {}, change: Partial<ApiContext> = {}): Promise<Started> {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-api-'))
  const config: Config = loadConfig({ ...unlimited, HEARTH_DATA_DIR: data_dir, ...env })
  const logged: string[] = []
  const log: Logger = pino({ level: 'debug' }, { write: line => void logged.push(line) })
  const store = await openStore({
    file: join(data_dir, 'hearth.db'),
    sync: 'normal',
    readers: 1,
    append_module: new URL('../../src/telemetry/append.js', import.meta.url),
    log,
  })
  await ensureDefaultHome(store.db)
  const { password, ...names } = admin
  const wanted = { ...names, role: 'admin' as const, password_hash: await hashPassword(password) }
  const user = { ...(await createUser(store.db, wanted)), token_version: 0 }
  const signing_keys = await openSigningKeys(data_dir)
  const directory = new Directory(store.db, signing_keys, new Uses())
  const key_ring = new KeyRing(store.db, new Uses())
  const failed = (err: unknown) => log.error({ err }, 'the audit could not be written')
  const audit_head = new AuditHead(store.db, data_dir, failed)
  const refusals = new Refusals(store.db, failed)
  const published: Started['published'] = []
  const told: unknown[] = []
  const ready = new Set<string>()
  const outbox: Outbox = {
    publish: async (topic, payload) => void published.push({ topic, payload }),
    isReadyForCommands: id => ready.has(id),
  }
  const commands = new Commands(store, outbox, log)
  const alerts = new Alerts(store, { publish: outbox.publish, retainedBelow: () => [] }, log)
  const seal = await openSeal(data_dir)
  const senders = createSenders(config)
  const { notify_attempts: max_attempts } = config
  const notifier = new Notifier({ store, log, seal, senders, max_attempts, changed: alert => alerts.tell(alert) })

  const audio = await openAudio({ config, log, store, alerts, signing_keys, publish: outbox.publish })
  const context: ApiContext = {
    config,
    log,
    store,
    alerts,
    commands,
    notifier,
    seal,
    audio,
    signing_keys,
    directory,
    key_ring,
    refusals,
    audit_head,
    doors: () => ({ mqtt_port: 1883, mqtts_port: null }),
    ingest: (device, rest, payload) => ingest(store, device, rest, payload),
    rulesChanged: () => void told.push('rules changed'),
    desiredChanged: async device => void told.push({ desiredChanged: device }),
    disconnect: (match, reason) => told.push({ disconnect: match, reason }),
    rightsChanged: async user_ids => {
      for (const id of user_ids) directory.forgetPerson(id)
      told.push({ rightsChanged: user_ids })
    },
    deviceMoved: async (device, from_home) => void told.push({ deviceMoved: device.id, from_home }),
    jobs: async () => [],
    traffic: () => ({ messages_per_minute: 60, connections: 3 }),
    deviceDeleted: async device => void told.push({ deviceDeleted: device }),
    homeDeleted: async home_id => void told.push({ homeDeleted: home_id }),
    brokerStats: () => ({ connections: 3, refused: { wrong_key: 2 } }),
    ...change,
  }
  const api = await createApi(context)
  await api.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const { access_token: token } = await logIn(store.db, signing_keys, user)
  const call: Started['call'] = (method, path, options = {}) => send(url, token, method, path, options)
  const device: Started['device'] = async (id, more = {}) => {
    const made = await call('POST', '/api/v1/devices', { body: { id, name: id, ...more } })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    return field(made.body, 'api_key')
  }
  const close = async () => {
    await api.close()
    await refusals.close()
    await audit_head.close()
    await store.close()
    await rm(data_dir, { recursive: true, force: true })
  }
  const parts = { api, store, audio, alerts, commands, seal, signing_keys, directory, key_ring, data_dir, user }
  return { url, ...parts, token, published, told, logged, ready, call, device, close }
}

/** A text deep in an answer, e.g. `field(body, 'device', 'id')`. */
export function field(body: unknown, ...path: string[]): string {
  const found = path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], body)
  if (typeof found !== 'string') throw new Error(`no ${path.join('.')} in ${JSON.stringify(body)}`)
  return found
}

async function send(url: string, token: string, method: string, path: string, options: Call): Promise<Answer> {
  const { body, raw, key, headers } = options
  const credential = key === undefined ? { authorization: `Bearer ${token}` } : key === null ? {} : { 'x-api-key': key }
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const response = await fetch(url + path, {
    method,
    headers: { ...credential, ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(payload === undefined ? {} : { body: payload }),
  })
  const text = await response.text()
  const isJson =
    response.headers.get('content-type')?.includes('json') && !response.headers.get('content-type')?.includes('ndjson')
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
}

/** What the bridge does with telemetry, heartbeats, events and log lines, without its forwarding. */
async function ingest(store: Store, device: DevicePrincipal, rest: string, payload: Buffer): Promise<Ingested> {
  const received_at = Date.now()
  const origin = { received_at, message_id: null, dup: false }
  const refused = async (message: string) => {
    const { id: device_id, home_id } = device
    const reason = 'invalid_payload'
    const id = await quarantine(store.db, { device_id, home_id, topic: rest, payload, reason, message, received_at })
    return { quarantined: { id, message } }
  }
  if (rest === 'telemetry') {
    const message = await new Promise<string | null>((resolve, reject) =>
      store.append({ device_num: device.num, payload, ...origin }, (error, why) =>
        error ? reject(error) : resolve(why ?? null),
      ),
    )
    return message === null ? { quarantined: null } : refused(message)
  }
  try {
    const message = parseObject(payload)
    if (rest === 'heartbeat') await recordHeartbeat(store.db, device, message, received_at)
    if (rest === 'event') await recordEvent(store.db, device, { kind: 'event', ts: received_at, data: message }, origin)
    if (rest === 'log')
      await recordLogLine(store.db, device, { level: 'info', message: String(message.message) }, origin)
    return { quarantined: null }
  } catch (error) {
    if (error instanceof PayloadFault) return refused(error.message)
    throw error
  }
}
