import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { HearthClient } from '../../src/client/client.js'
import { type HubFile, readHubFile } from '../../src/hub-file.js'
import { admin, testSettings, until } from '../helper.js'

/** A hub in a process of its own, as `npm start` runs it, so that it can be killed. */
export interface ChildHub {
  readonly child: ChildProcess
  readonly data_dir: string
  readonly file: HubFile
  /** Milliseconds from the start of the process until it was ready. */
  readonly ready_ms: number
  /** What it has logged. */
  log(): string
  /** Ends the process and waits for it. @returns its exit code, null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** What tests are told is no setting of a hub. */
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HEARTH_TEST_')))

/** @param env settings beside those of `testSettings`, e.g. the ports of the run before */
export async function startChild(
  data_dir: string,
  env: Record<string, string> = {},
  args: readonly string[] = ['start'],
): Promise<ChildHub> {
  const cli = join(import.meta.dirname, '../../hearth/cli.js')
  const settings = { ...testSettings, HEARTH_LOG_LEVEL: 'info', HEARTH_DATA_DIR: data_dir, ...env }
  const begun = performance.now()
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...inherited, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      log += text
    })
  }
  const ready = () => {
    if (child.exitCode !== null) throw new Error(`The hub ended with ${child.exitCode}: ${log}`)
    return log.includes('"msg":"hearth is ready"')
  }
  await until(ready, 20_000)
  const ready_ms = performance.now() - begun
  const file = await readHubFile(data_dir)
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    child.kill(signal)
    await once(child, 'close')
    return child.exitCode
  }
  return { child, data_dir, file, ready_ms, log: () => log, end }
}

/** The ports of a hub, for the next one to take. */
export const portsOf = ({ file }: ChildHub) => ({
  HEARTH_MQTT_PORT: String(file.mqtt_port),
  HEARTH_HTTP_PORT: String(file.http_port),
})

/** The API as the administrator. */
export async function clientOf({ file }: ChildHub): Promise<{ client: HearthClient; access_token: string }> {
  const url = `http://127.0.0.1:${file.http_port}`
  const { email, password } = admin
  const { access_token } = await new HearthClient({ url }).post<{ access_token: string }>('/auth/login', {
    email,
    password,
  })
  return { client: new HearthClient({ url, access_token }), access_token }
}

/** Makes so many devices. @returns their keys by id */
export async function makeDevices(hub: ChildHub, count: number): Promise<Map<string, string>> {
  const { client } = await clientOf(hub)
  const ids = Array.from({ length: count }, (_, i) => `d${i}`)
  const make = async (id: string) =>
    [id, (await client.post<{ api_key: string }>('/devices', { id, name: id })).api_key] as const
  return new Map(await Promise.all(ids.map(make)))
}
