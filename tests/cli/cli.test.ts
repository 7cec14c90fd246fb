import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { openForWriting } from '../../src/store/sqlite.js'
import { type ChildHub, startChild } from '../flow/child.js'
import { admin, testSettings } from '../helper.js'
import { type Ended, run } from '../programs.js'

let data_dir: string
let hub: ChildHub
const cli = join(import.meta.dirname, '../../hearth/cli.js')

/** Runs the command line to its end, against the hub's data directory unless told otherwise. */
const hearth = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  run(process.execPath, [cli, ...args], { ...testSettings, HEARTH_DATA_DIR: data_dir, ...env })

const json = <T>({ out }: Ended) => JSON.parse(out) as T

async function elsewhere<T>(use: (data_dir: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-cli-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

beforeAll(async () => {
  data_dir = await mkdtemp(join(tmpdir(), 'hearth-cli-'))
  hub = await startChild(data_dir)
})
afterAll(async () => {
  await hub.end('SIGTERM')
  await rm(data_dir, { recursive: true })
})

describe('start', () => {
  test('tells an administrator’s password at the first start only, writes hub.json, takes it away again, and ends with 0', () =>
    elsewhere(async folder => {
      const own = { HEARTH_ADMIN_EMAIL: '', HEARTH_ADMIN_PASSWORD: '' }
      const first = await startChild(folder, own)
      expect(first.log()).toMatch(/Administrator {2}\S+@\S+ {2}password {2}\S{16,}/)
      expect(first.file).toMatchObject({ pid: first.child.pid, mqtts_port: null })
      expect(await first.end('SIGTERM')).toBe(0)
      expect(existsSync(join(folder, 'hub.json'))).toBe(false)
      const second = await startChild(folder, own)
      expect(second.log()).not.toContain('password')
      expect(await second.end('SIGINT')).toBe(0)
    }))

  test('refuses a data directory that another hub has, and takes it after that one was killed', async () => {
    const refused = await hearth(['start'])
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toBe(
      `A hub is running with the data directory ${data_dir} and must be stopped first. (conflict)\n`,
    )
    await hub.end('SIGKILL')
    hub = await startChild(data_dir)
  })

  test('says which port is taken, and tells the administrator’s password at the first start that succeeds', () =>
    elsewhere(async folder => {
      const made = { HEARTH_ADMIN_EMAIL: '', HEARTH_ADMIN_PASSWORD: '' }
      const env = { ...made, HEARTH_DATA_DIR: folder, HEARTH_MQTT_PORT: String(hub.file.mqtt_port) }
      const { code, err } = await hearth(['start'], env)
      expect(code).toBe(1)
      expect(err).toContain(`${hub.file.mqtt_port}`)
      expect(err).toContain('Is a hub running already?')
      expect(err).not.toContain('    at ')
      const next = await startChild(folder, made)
      expect(next.log()).toMatch(/Administrator {2}\S+@\S+ {2}password {2}\S{16,}/)
      await next.end('SIGTERM')
    }))

  test('lists every fault of the configuration', async () => {
    const { code, err } = await hearth(['start'], { HEARTH_MQTT_PORT: 'x', HEARTH_SYNC: 'maybe', HEARTH_TYPO: '1' })
    expect(code).toBe(1)
    for (const name of ['HEARTH_MQTT_PORT', 'HEARTH_SYNC', 'HEARTH_TYPO']) expect(err).toContain(name)
  })
})

test('config shows what is in force, secrets masked', async () => {
  const shown = await hearth(['config', '--json'])
  expect(json(shown)).toMatchObject({ data_dir, admin_email: admin.email, admin_password: '********' })
  expect(shown.out).not.toContain(admin.password)
  expect((await hearth(['config'])).out).toContain(`HEARTH_DATA_DIR=${data_dir}\n`)
})

test('migrate tells where the schema stands, goes down and up again, and not under a running hub', () =>
  elsewhere(async folder => {
    const env = { HEARTH_DATA_DIR: folder }
    type Status = { migrations: { name: string; applied_at: string | null }[] }
    const status = async () => json<Status>(await hearth(['migrate', 'status', '--json'], env)).migrations
    const up = json<{ changed: string[] }>(await hearth(['migrate', 'up', '--json'], env))
    expect(up.changed).toEqual((await status()).map(({ name }) => name))
    expect((await status()).every(({ applied_at }) => applied_at !== null)).toBe(true)
    expect((await hearth(['migrate', 'down'], env)).out).toBe(`taken back ${up.changed.at(-1)}\n`)
    expect((await status()).at(-1)?.applied_at).toBeNull()
    expect(await hearth(['migrate', 'down'])).toMatchObject({ code: 1, err: expect.stringContaining('(conflict)') })
  }))

test('device makes, lists and renews keys', async () => {
  const made = json<{ device: { id: string }; api_key: string }>(
    await hearth(['device', 'create', 'Porch', '--id', 'porch', '--json']),
  )
  expect(made).toMatchObject({ device: { id: 'porch', name: 'Porch' }, api_key: expect.stringMatching(/^hk_/) })
  const listed = await hearth(['device', 'list'])
  expect(listed.out).toMatch(/^ID {2,}NAME {2,}/)
  expect(listed.out).toMatch(/^porch {2,}Porch {2,}\S+ {2,}offline/m)
  const renewed = json<{ api_key: string }>(await hearth(['device', 'rotate-key', 'porch', '--json']))
  expect(renewed.api_key).not.toBe(made.api_key)
  expect(await hearth(['device', 'create', 'Again', '--id', 'porch'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('(conflict)'),
  })
  expect(await hearth(['device', 'rotate-key', 'nobody'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('(not_found)'),
  })
})

test('simulate puts a device on the wire, send commands it, and watch sees what it says', async () => {
  const { api_key } = json<{ api_key: string }>(await hearth(['device', 'create', 'Lamp', '--id', 'lamp', '--json']))
  const simulated = hearth([
    'simulate',
    'light',
    '--device',
    'lamp',
    '--key',
    api_key,
    '--interval',
    '200',
    '--seconds',
    '8',
    '--json',
  ])
  const seen = await hearth(['watch', 'homes/+/devices/lamp/telemetry', '--count', '2', '--json'])
  expect(
    seen.out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).topic),
  ).toEqual(Array(2).fill('homes/home/devices/lamp/telemetry'))
  const sent = await hearth(['send', 'lamp', 'set_power', '{"power":"on"}', '--json'])
  expect(json(sent)).toMatchObject({ command: { status: 'succeeded', result: { power: 'on' } } })
  const wrong = await hearth(['send', 'lamp', 'fly'])
  expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining('rejected') })
  const status = (await simulated).out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(status.at(-1)).toMatchObject({ devices: 1, acknowledged: expect.any(Number) })
})

test('user makes an account, and device a claim code that a phone can read', async () => {
  const made = json<{ user: { id: string }; password: string }>(
    await hearth(['user', 'create', 'x@example.org', 'xenia', '--json']),
  )
  expect(made.password).toMatch(/^\S{16,}$/)
  expect((await hearth(['user', 'create', 'x@example.org', 'other'])).err).toContain('(conflict)')
  expect(await hearth(['user', 'create', 'y@example.org', 'y', '--role', 'king'])).toMatchObject({ code: 2 })
  const { out } = await hearth(['device', 'claim-code'])
  expect(out).toMatch(/[█▀▄]{10}/)
  expect(out).toMatch(/claim code {2}[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4} /)
})

test('seed fills an empty hub once, whose people can then log in; audit verify finds what was changed', () =>
  elsewhere(async folder => {
    const env = { HEARTH_DATA_DIR: folder }
    const seeded = json<{ people: { username: string; password: string; role: string }[]; devices: unknown[] }>(
      await hearth(['seed', '--json'], env),
    )
    expect(seeded.people.map(({ role }) => role)).toEqual(['admin', 'staff', 'owner', 'technician', 'member'])
    expect(seeded.devices.length).toBeGreaterThan(5)
    expect(await hearth(['seed'], env)).toMatchObject({ code: 1, err: expect.stringContaining('(conflict)') })
    expect(await hearth(['seed', '--force'], env)).toMatchObject({ code: 0 })
    const started = await startChild(folder)
    expect((await hearth(['seed'], env)).err).toMatch(
      /^A hub is running with .* and must be stopped first\. \(conflict\)\n$/,
    )
    const [, , { username = '', password = '' } = {}] = seeded.people
    const client = new HearthClient({ url: `http://127.0.0.1:${started.file.http_port}` })
    expect(await client.post('/auth/login', { username, password })).toMatchObject({ user: { username: 'owner' } })
    await started.end('SIGTERM')
    expect(await hearth(['audit', 'verify'], env)).toMatchObject({ code: 0 })
    const db = openForWriting(join(folder, 'hearth.db'), 'full')
    db.exec(`drop trigger audit_is_not_changed; update audit set actor_id = 'mallory' where seq = 2`)
    db.close()
    const verdict = await hearth(['audit', 'verify'], env)
    expect(verdict).toMatchObject({ code: 1, out: expect.stringContaining('row 2: the row is not as it was written') })
  }))

describe('what is wrong is said on standard error, in one line, with the right exit code', () => {
  test.each([
    [['nonsense'], 2],
    [['start', '--fast'], 2],
    [['migrate', 'sideways'], 2],
    [['send', 'porch', 'x', 'no json'], 2],
    [['send', 'nobody', 'x'], 1],
    [['simulate', 'unicorn'], 2],
    [['watch', '$SYS/#'], 1],
  ])('hearth %j ends with %d', async (args, code) => {
    const ended = await hearth(args)
    expect([ended.code, ended.out]).toEqual([code, ''])
    expect(ended.err.length).toBeGreaterThan(0)
    expect(ended.err).not.toContain('    at ')
    expect(ended.err).not.toContain('\u001b[')
  })

  test('where no hub runs', () =>
    elsewhere(async folder => {
      const ended = await hearth(['device', 'list'], { HEARTH_DATA_DIR: folder })
      expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('No hub is running') })
    }))
})
