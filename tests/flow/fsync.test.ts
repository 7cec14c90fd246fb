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
  const cli = join(import.meta.dirname, '../../src/cli.js')
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

/** What matters of a trace, in order. A call that was interrupted by another thread's counts where it ended, a write where it began. */
function stepsOf(lines: readonly string[]): Step[] {
  return lines.flatMap((line): Step[] => {
    if (/read(?:\(| resumed>).*"\\x32/.test(line)) return ['publish']
    if (/fdatasync(?:\(\d+<(?:\\x[0-9a-f]{2}|[^>])*>\)| resumed>.*\)) += 0/.test(line)) return ['sync']
    if (/(?:write|writev|sendmsg)\(.*"\\x40\\x02/.test(line)) return ['puback']
    return []
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
