import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { type HubFile, readHubFile } from '../../src/hub-file.js'
import { admin, testSettings, until } from '../helper.js'

// Only the kernel knows whether the disk was asked before the device was told; strace shows what the hub asked of the kernel.
const traceable = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const why = traceable ? '' : ' (left out: strace is not installed here, or may not trace)'

let data_dir: string

beforeEach(async () => {
  data_dir = await mkdtemp(join(tmpdir(), 'hearth-fsync-'))
})
afterEach(() => rm(data_dir, { recursive: true, force: true }))

const messages = 20

/** Runs a hub under strace while a device publishes at QoS 1, a message at a time. @returns the lines of the trace */
async function trace(sync: 'full' | 'normal'): Promise<string[]> {
  const output = join(data_dir, 'trace')
  const cli = join(import.meta.dirname, '../../hearth/cli.js')
  const calls = ['-e', 'trace=read,fdatasync,fsync,write,writev,sendmsg']
  const strace = spawn(
    'strace',
    ['-f', '-y', '-xx', '-s', '8', ...calls, '-o', output, process.execPath, cli, 'start'],
    {
      env: { ...process.env, ...testSettings, HEARTH_DATA_DIR: data_dir, HEARTH_SYNC: sync },
      stdio: 'ignore',
    },
  )
  const ended = once(strace, 'close')
  const file = await until(() => readHubFile(data_dir).catch(() => null), 25_000)
  try {
    await publish(file)
  } finally {
    process.kill(file.pid, 'SIGTERM')
    await ended
  }
  return (await readFile(output, 'utf8')).split('\n')
}

async function publish({ http_port, mqtt_port }: HubFile): Promise<void> {
  const url = `http://127.0.0.1:${http_port}`
  const { email, password } = admin
  const login = { email, password }
  const { access_token } = await new HearthClient({ url }).post<{ access_token: string }>('/auth/login', login)
  const client = new HearthClient({ url, access_token })
  const { api_key } = await client.post<{ api_key: string }>('/devices', { id: 'sensor', name: 'sensor' })
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqtt_port}`, {
    clientId: 'sensor',
    username: 'sensor',
    password: api_key,
  })
  for (let i = 0; i < messages; i++) await device.publishAsync('devices/sensor/telemetry', `{"t":${i}}`, { qos: 1 })
  await device.endAsync()
}

type Step = 'publish' | 'sync' | 'puback'

const isPublish = /^\d+ +read\(.*"\\x32/
/** Of a file whose name ends in `-wal`. */
const isSync = /^\d+ +(?:fsync|fdatasync)\(.*\\x2d\\x77\\x61\\x6c>.* = 0/
const isPuback = /^\d+ +(?:write|writev|sendmsg)\(.*"\\x40\\x02/

/** What matters of a trace, in order. Of calls that other threads' calls interrupt, reads and syncs count where they end, writes where they begin. */
function stepsOf(lines: readonly string[]): Step[] {
  const begun = new Map<string, string>()
  return lines.flatMap((line): Step[] => {
    const [, thread = '', rest = ''] = /^(\d+) +<\.\.\. \w+ resumed>(.*)/.exec(line) ?? []
    if (line.includes('<unfinished ...>')) begun.set(line.split(' ', 1)[0] ?? '', line.replace('<unfinished ...>', ''))
    if (isPuback.test(line)) return ['puback']
    const whole = thread === '' ? line : (begun.get(thread) ?? '') + rest
    if (isPublish.test(whole)) return ['publish']
    return isSync.test(whole) ? ['sync'] : []
  })
}

/** How many PUBACKs were written, and how many of them with a sync between the message and them. */
function tally(steps: readonly Step[]) {
  const counted = { acknowledged: 0, synced: 0 }
  let synced = false
  for (const step of steps) {
    if (step === 'publish') synced = false
    if (step === 'sync') synced = true
    if (step === 'puback') {
      counted.acknowledged++
      if (synced) counted.synced++
    }
  }
  return counted
}

describe.skipIf(!traceable)(`what the kernel was asked${why}`, () => {
  test('between reading a message and writing its PUBACK, the disk was told to keep it (F2)', async () => {
    expect(tally(stepsOf(await trace('full')))).toEqual({ acknowledged: messages, synced: messages })
  }, 60_000)

  test('with HEARTH_SYNC=normal it was not: that is the price', async () => {
    expect(tally(stepsOf(await trace('normal')))).toEqual({ acknowledged: messages, synced: 0 })
  }, 60_000)
})
