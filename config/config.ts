import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { audio } from './audio.js'
import { bytes, limit, optional, port } from './kinds.js'
import { durationPattern } from './quantities.js'
import { retentionFault } from './retention.js'

/** What zod says of a value of the wrong type, in fewer words: this is the first of all modules that have a schema. */
z.config({
  customError: issue => {
    const { code, input } = issue
    if (code !== 'invalid_type' && code !== 'invalid_union') return undefined
    if (input === undefined) return 'is missing'
    if (code === 'invalid_type') return `must be ${named(issue.expected)}`
    const wanted = issue.errors.map(([one]) => (one?.code === 'invalid_type' && !one.path.length ? one.expected : null))
    return wanted.length === 0 || wanted.includes(null) ? undefined : `must be ${wanted.map(named).join(' or ')}`
  },
})

/** With its article; JSON has objects, not records. */
function named(expected: unknown): string {
  const type = expected === 'record' ? 'object' : String(expected)
  return `${type === 'array' || type === 'object' ? 'an' : 'a'} ${type}`
}

/** `192.0.2.1` or `192.0.2.0/24`, and the same of IPv6. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.trim().split('/')
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  return version > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

const isNetworkOrHost = (text: string) =>
  isNetwork(text) ||
  (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(text.trim()) && !/^[\d.]+$/.test(text.trim()))

/** Every setting: its type, default and documentation. `config/.env.example` is written from this. */
export const schema = z.strictObject({
  HEARTH_DATA_DIR: z.string().min(1).default('./data').describe('Where the database, the keys and hub.json live'),
  HEARTH_DATABASE_URL: optional('The database: a path to a SQLite file (hearth.db in the data directory when unset)'),
  HEARTH_REDIS_URL: optional('Reserved for running several hubs; this version refuses it'),
  HEARTH_HOST: z.string().min(1).default('127.0.0.1').describe('The address to listen on. 0.0.0.0 lets devices in'),
  HEARTH_MQTT_PORT: port(1883, 'MQTT over TCP'),
  HEARTH_HTTP_PORT: port(8080, 'The HTTP API, and MQTT over WebSocket at /mqtt'),
  HEARTH_MQTTS_PORT: port(8883, 'MQTT over TLS, when a certificate is configured'),
  HEARTH_TLS_CERT: optional('Path of a PEM certificate chain. With HEARTH_TLS_KEY it turns on MQTT over TLS'),
  HEARTH_TLS_KEY: optional('Path of the PEM private key of that certificate'),
  HEARTH_ADMIN_EMAIL: z
    .email()
    .optional()
    .describe('The first administrator. When unset, one is made and printed once'),
  HEARTH_ADMIN_PASSWORD: z
    .string()
    .min(10)
    .optional()
    .describe('The first administrator’s password, 10 characters or more'),
  HEARTH_REGISTRATION: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether anybody may make an account. An account alone sees no home but those it makes itself'),
  HEARTH_TRUSTED_PROXIES: optional(
    'Addresses or networks of proxies, separated by commas, whose X-Forwarded-For is believed. Nobody’s when unset',
  ).refine(text => text === undefined || text.split(',').every(isNetwork), 'is no list of addresses or networks'),
  HEARTH_SYNC: z
    .enum(['full', 'normal'])
    .default('full')
    .describe('full: acknowledged means on disk. normal: faster, and a power cut loses what was acknowledged last'),
  HEARTH_RETENTION: z
    .string()
    .superRefine((text, context) => {
      const fault = retentionFault(text)
      if (fault) context.addIssue(fault)
    })
    .default('raw=30d,1m=1y,1h=forever')
    .describe(
      'How long readings are kept as they came (raw) and rolled up by the minute, hour and day. Homes and devices may have their own',
    ),
  HEARTH_STORAGE_BUDGET: bytes(
    '0',
    'How large the database may become, like 20GB. Beyond it the oldest readings go, then those by the minute. 0 for as large as the disk allows',
  ),
  HEARTH_DISK_RESERVE: bytes(
    '500MB',
    'What must stay free on the disk of the database: with less left, readings go as if the budget were reached. 0 for nothing',
  ),
  HEARTH_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('The least important log line that is written'),
  HEARTH_LOG_FILE: optional(
    'A file for the log, turned over daily and at 50 MB, 7 files kept (standard output when unset)',
  ),
  HEARTH_CORS_ORIGINS: optional(
    'Web origins that may use the API from a browser, separated by commas. Exact matches only',
  ),
  HEARTH_READERS: z.coerce.number().int().min(1).max(16).default(1).describe('Threads that answer queries'),
  HEARTH_QUERY_SECONDS: z.coerce
    .number()
    .gt(0)
    .max(3600)
    .default(20)
    .describe('How long a query of telemetry may take, in seconds; of an export, each page'),
  HEARTH_QUARANTINE_KEEP: z
    .string()
    .regex(durationPattern)
    .default('30d')
    .describe('How long quarantined messages are kept'),
  HEARTH_LOG_KEEP: z
    .string()
    .regex(durationPattern)
    .default('7d')
    .describe('How long the devices’ own log lines and heartbeats are kept'),
  HEARTH_SMTP_URL: optional('The server that takes e-mails, like smtps://name:password@mail.example.org').refine(
    text => text === undefined || /^smtps?:\/\/[^/]+/.test(text),
    'is no smtp:// or smtps:// address',
  ),
  HEARTH_SMTP_FROM: optional('Whom e-mails are from, like hub@example.org. Set with HEARTH_SMTP_URL').refine(
    text => text === undefined || /^(?:[^<>\p{Cc}]*<)?[^\s<>@]+@[A-Za-z0-9.-]+>?$/u.test(text),
    'is no e-mail address',
  ),
  HEARTH_OUTBOUND_ALLOW: optional(
    'Networks, addresses and host names that webhooks and ntfy may be sent to although they are not public, separated by commas. Names that DNS does not know have to be listed by name',
  ).refine(
    text => text === undefined || text.split(',').every(isNetworkOrHost),
    'is no list of networks or host names',
  ),
  HEARTH_NOTIFY_ATTEMPTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('After so many attempts, over some 7 hours, a notification is dead; it can be sent again by hand'),
  HEARTH_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where others reach the hub over HTTP, like https://hub.example.org (the address that they asked when unset)',
    ),
  ...audio,
  HEARTH_LIMIT_LOGIN: limit(5, 'Login attempts a minute and address'),
  HEARTH_LIMIT_COMMANDS: limit(60, 'Commands a minute and person'),
  HEARTH_LIMIT_UPDATES: limit(60, 'Changes a minute and person'),
  HEARTH_LIMIT_API: limit(600, 'API requests a minute and person, or address when anonymous'),
  HEARTH_LIMIT_DEVICE_MESSAGES: limit(
    100,
    'Messages a second and device, one of several kilobytes counted for each of them',
  ),
  HEARTH_LIMIT_PENDING_CONNECTIONS: limit(50, 'Connections not yet logged in, an address'),
})

type Settings = z.infer<typeof schema>
/** The settings as properties: `HEARTH_MQTT_PORT` is `config.mqtt_port`. */
export type Config = {
  readonly [K in keyof Settings as K extends `HEARTH_${infer Name}` ? Lowercase<Name> : never]: Settings[K]
}

/** All that is wrong with a configuration, a line for each fault. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

type Given = Readonly<Record<string, string | undefined>>

/**
 * Reads settings from `env` and, beneath them, from the file that `HEARTH_CONFIG` names (lines of `NAME=value`).
 * An empty or blank value counts as unset. Unknown `HEARTH_` names are faults: a mistyped limit must not be a silent default.
 * @returns the settings with their defaults, frozen
 * @throws ConfigError with every fault at once
 */
export function loadConfig(env: Given = process.env): Config {
  const given = { ...settingsIn(readSettingsFile(env.HEARTH_CONFIG)), ...settingsIn(env) }
  const parsed = schema.safeParse(given)
  const faults = parsed.success ? [] : parsed.error.issues.flatMap(faultsOf)
  faults.push(...faultsBetween(given))
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults)
  const entries = Object.entries(parsed.data).map(([name, value]) => [propertyOf(name), value])
  return Object.freeze(Object.fromEntries(entries)) as Config
}

/** Blank values are left out: as a number `' '` would be 0, which is no limit at all. */
function settingsIn(env: Given): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('HEARTH_') && name !== 'HEARTH_CONFIG' && value?.trim()) settings[name] = value
  }
  return settings
}

const propertyOf = (name: string) => name.slice('HEARTH_'.length).toLowerCase()

function readSettingsFile(path: string | undefined): Given {
  if (!path) return {}
  try {
    return parseEnv(readFileSync(path, 'utf8')) as Given
  } catch (cause) {
    throw new ConfigError([
      `HEARTH_CONFIG: cannot read ${path} (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`,
    ])
  }
}

function faultsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(name => `${name}: no such setting`)
  return [`${issue.path.join('.')}: ${issue.message}`]
}

/** Faults that lie between settings, each fine by itself. They are looked for even where others are not, to tell all at once. */
function faultsBetween(settings: Given): string[] {
  const faults: string[] = []
  if (!settings.HEARTH_TLS_CERT !== !settings.HEARTH_TLS_KEY)
    faults.push('HEARTH_TLS_CERT and HEARTH_TLS_KEY: set both or neither')
  if (!settings.HEARTH_ADMIN_EMAIL !== !settings.HEARTH_ADMIN_PASSWORD) {
    faults.push('HEARTH_ADMIN_EMAIL and HEARTH_ADMIN_PASSWORD: set both or neither')
  }
  if (!settings.HEARTH_AWS_ACCESS_KEY_ID !== !settings.HEARTH_AWS_SECRET_ACCESS_KEY)
    faults.push('HEARTH_AWS_ACCESS_KEY_ID and HEARTH_AWS_SECRET_ACCESS_KEY: set both or neither')
  if (!settings.HEARTH_SMTP_URL !== !settings.HEARTH_SMTP_FROM)
    faults.push('HEARTH_SMTP_URL and HEARTH_SMTP_FROM: set both or neither')
  if (settings.HEARTH_ADMIN_PASSWORD === examplePassword)
    faults.push('HEARTH_ADMIN_PASSWORD: is the example, choose your own')
  if (settings.HEARTH_DATABASE_URL?.includes('://'))
    faults.push('HEARTH_DATABASE_URL: only SQLite files are supported yet')
  if (settings.HEARTH_REDIS_URL) faults.push('HEARTH_REDIS_URL: running several hubs is not supported yet')
  return faults
}

const examplePassword = 'choose-your-own'

/** The text of `config/.env.example`: every setting with its documentation and default. */
export function exampleFile(): string {
  const lines = Object.entries(schema.shape).map(([name, type]) => {
    const standard = schema.shape[name as keyof Settings].safeParse(undefined)
    const value = standard.success && standard.data !== undefined ? String(standard.data) : ''
    return `# ${type.description}\n# ${name}=${name === 'HEARTH_ADMIN_PASSWORD' ? examplePassword : value}\n`
  })
  return `# Every setting of Hearth with its default. Set them in the environment,\n# or uncomment them in a copy of this file and name it in HEARTH_CONFIG.\n\n${lines.join('\n')}`
}

/** The database file when none is configured lies in the data directory. */
export const databaseFile = (config: Config) => config.database_url ?? join(config.data_dir, 'hearth.db')

const secrets = ['admin_password', 'smtp_url', 'aws_secret_access_key', 'worker_token'] as const

/** The settings as `hearth config` shows them: secrets masked. */
export function masked(config: Config): Record<string, unknown> {
  const hidden = secrets.filter(name => config[name]).map(name => [name, '********'])
  return { ...config, ...Object.fromEntries(hidden) }
}
