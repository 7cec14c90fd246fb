import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, databaseFile, exampleFile, loadConfig, masked } from '../../config/config.js'
import { durationMs } from '../../config/quantities.js'

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

async function inFile<T>(text: string, use: (path: string) => T): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-config-'))
  try {
    const path = join(folder, 'hearth.env')
    await writeFile(path, text)
    return use(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('without any setting the defaults hold that the contract promises', () => {
  expect(loadConfig({})).toMatchObject({
    data_dir: './data',
    host: '127.0.0.1',
    mqtt_port: 1883,
    http_port: 8080,
    mqtts_port: 8883,
    sync: 'full',
    retention: 'raw=30d,1m=1y,1h=forever',
    log_level: 'info',
    limit_login: 5,
    limit_commands: 60,
    limit_updates: 60,
    limit_api: 600,
    limit_device_messages: 100,
    limit_pending_connections: 50,
  })
  expect(databaseFile(loadConfig({}))).toBe('data/hearth.db')
})

test('every fault is told at once, also of names that do not exist', () => {
  const faults = faultsOf({
    HEARTH_MQTT_PORT: '70000',
    HEARTH_HTTP_PORT: 'web',
    HEARTH_SYNC: 'sometimes',
    HEARTH_RETENTION: 'raw=30 days',
    HEARTH_ADMIN_EMAIL: 'nobody',
    HEARTH_LIMIT_LOGIN: '-1',
    HEARTH_MQTT_PROT: '1883',
    HEARTH_REDIS_URL: 'redis://localhost',
    HEARTH_ADMIN_PASSWORD: 'correct horse battery',
  })
  const named = ['MQTT_PORT', 'HTTP_PORT', 'SYNC', 'RETENTION', 'ADMIN_EMAIL', 'LIMIT_LOGIN', 'MQTT_PROT', 'REDIS_URL']
  for (const name of named) expect(faults.join('\n')).toContain(`HEARTH_${name}: `)
  expect(faults).toHaveLength(named.length)
})

test.each([
  [{ HEARTH_TLS_CERT: 'cert.pem' }, 'HEARTH_TLS_CERT and HEARTH_TLS_KEY'],
  [{ HEARTH_ADMIN_EMAIL: 'a@example.org' }, 'HEARTH_ADMIN_EMAIL and HEARTH_ADMIN_PASSWORD'],
  [{ HEARTH_DATABASE_URL: 'postgres://localhost/hearth' }, 'HEARTH_DATABASE_URL'],
  [{ HEARTH_REDIS_URL: 'redis://localhost' }, 'HEARTH_REDIS_URL'],
  [{ HEARTH_CONFIG: '/does/not/exist' }, 'HEARTH_CONFIG'],
])('%o is refused, with its name', (env, name) => {
  expect(faultsOf(env)).toEqual([expect.stringContaining(name)])
})

test('the password of the example file stops the start', () => {
  const password = /HEARTH_ADMIN_PASSWORD=(.+)/.exec(exampleFile())?.[1] ?? ''
  expect(password.length).toBeGreaterThan(0)
  const faults = faultsOf({ HEARTH_ADMIN_EMAIL: 'a@example.org', HEARTH_ADMIN_PASSWORD: password })
  expect(faults).toEqual([expect.stringContaining('is the example')])
})

test('faults between settings are told with the faults of single ones', () => {
  const faults = faultsOf({ HEARTH_MQTT_PORT: 'x', HEARTH_TLS_CERT: 'cert.pem', HEARTH_DATABASE_URL: 'postgres://db' })
  expect(faults).toHaveLength(3)
  expect(new ConfigError(faults).message).toContain('3 faults')
})

test.each(['', ' ', '\t'])('a blank value (%j) is no value: no limit is lifted by it', blank => {
  expect(loadConfig({ HEARTH_LIMIT_LOGIN: blank, HEARTH_MQTT_PORT: blank })).toEqual(loadConfig({}))
})

test('what was loaded is frozen', () => {
  const config = loadConfig({})
  expect(Object.isFrozen(config)).toBe(true)
  expect(Object.values(config).every(value => typeof value !== 'object')).toBe(true)
})

describe('a file named by HEARTH_CONFIG', () => {
  test('sets what the environment does not', async () => {
    const text = 'HEARTH_MQTT_PORT=1999\n# a comment\nHEARTH_HTTP_PORT="8999"\n'
    const config = await inFile(text, path => loadConfig({ HEARTH_CONFIG: path, HEARTH_HTTP_PORT: '8088' }))
    expect(config).toMatchObject({ mqtt_port: 1999, http_port: 8088 })
  })

  test('shows through where the environment is blank', async () => {
    const config = await inFile('HEARTH_MQTT_PORT=1999\n', path =>
      loadConfig({ HEARTH_CONFIG: path, HEARTH_MQTT_PORT: '' }),
    )
    expect(config.mqtt_port).toBe(1999)
  })

  test('has its faults told as the environment’s are', async () => {
    const faults = await inFile('HEARTH_MQTT_PORT=x\nHEARTH_NOPE=1\n', path => faultsOf({ HEARTH_CONFIG: path }))
    expect(faults).toHaveLength(2)
  })
})

test('secrets are masked where settings are shown', () => {
  const password = 'a very secret password'
  const shown = masked(loadConfig({ HEARTH_ADMIN_EMAIL: 'a@example.org', HEARTH_ADMIN_PASSWORD: password }))
  expect(JSON.stringify(shown)).not.toContain(password)
  expect(shown.admin_email).toBe('a@example.org')
})

test('.env.example is what the schema says, and every line of it is a setting that loads', async () => {
  const path = join(import.meta.dirname, '../../../config/.env.example')
  expect(await readFile(path, 'utf8')).toBe(exampleFile())
  const settings = exampleFile()
    .replaceAll(/^# (HEARTH_\w+=.+)$/gm, '$1')
    .replace(/^HEARTH_ADMIN_PASSWORD=.*$/m, '')
  const config = await inFile(settings, file => loadConfig({ HEARTH_CONFIG: file }))
  expect(config).toEqual(loadConfig({}))
})

test.each([
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['30d', 2_592_000_000],
  ['1y', 31_536_000_000],
  ['forever', Number.POSITIVE_INFINITY],
])('the duration %s is %d ms', (text, ms) => expect(durationMs(text)).toBe(ms))

test.each(['', '5', '5s', 'd', '-1d', '1 d'])('%j is no duration', text =>
  expect(() => durationMs(text)).toThrow(RangeError),
)
