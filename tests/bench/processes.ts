import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pino } from 'pino'
import type { LoadOptions } from '../../simulators/load.js'
import type { LoadReport } from '../../simulators/load-tally.js'
import { createDevice } from '../../src/devices/devices.js'
import { createKey } from '../../src/devices/keys.js'
import { defaultHomeId, ensureDefaultHome } from '../../src/homes/homes.js'
import { readHubFile } from '../../src/hub-file.js'
import { openStore } from '../../src/store/store.js'
import { testSettings, until } from '../helper.js'

const here = import.meta.dirname

/** A broker in a process of its own. */
export interface Target {
  readonly port: number
  readonly credentials_file?: string
  readonly pid: number
  stop(): Promise<void>
}

export interface HubTarget extends Target {
  readonly http_port: number
  readonly data_dir: string
}

async function openFile(data_dir: string) {
  return openStore({
    file: join(data_dir, 'hearth.db'),
    sync: 'normal',
    readers: 1,
    append_module: new URL('../../src/telemetry/append.js', import.meta.url),
    log: pino({ level: 'silent' }),
  })
}

/** A data directory with so many devices, and a file of their keys for the load. */
async function makeDevices(data_dir: string, count: number): Promise<string> {
  const store = await openFile(data_dir)
  await ensureDefaultHome(store.db)
  const ids = Array.from({ length: count }, (_, i) => `load-${i}`)
  const make = async (id: string) => {
    await createDevice(store.db, { id, name: id, type: 'load', home_id: defaultHomeId })
    return { id, api_key: (await createKey(store.db, id)).api_key }
  }
  const credentials = await Promise.all(ids.map(make))
  await store.close()
  const file = join(data_dir, 'credentials.json')
  await writeFile(file, JSON.stringify(credentials))
  return file
}

/** Rows of telemetry in a hub's database. */
export async function countRows(data_dir: string): Promise<number> {
  const store = await openFile(data_dir)
  const { rows } = await store.db
    .selectFrom('telemetry')
    .select(eb => eb.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  await store.close()
  return rows
}

/** As `npm start` has it: what a message leaves behind is collected while it is young, and not in pauses of 40 ms. */
const asStarted = '--max-semi-space-size=64'
/** Lets a signal collect the garbage, so that what is measured is what is held. */
const collectable = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2",()=>gc())']
const signal = 'SIGUSR2'

/** The hub as `npm start` runs it, with `synchronous=FULL`, no limits, and devices that may connect. */
export async function startHub(devices: number): Promise<HubTarget> {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  const credentials_file = await makeDevices(data_dir, devices)
  const limits = { HEARTH_LIMIT_PENDING_CONNECTIONS: '0', HEARTH_LOG_LEVEL: 'warn' }
  const env = { ...process.env, ...testSettings, ...limits, HEARTH_DATA_DIR: data_dir }
  const child = start([...process.execArgv, asStarted, ...collectable, join(here, '../../src/cli.js'), 'start'], env)
  const { http_port, mqtt_port } = await until(() => readHubFile(data_dir).catch(() => null), 20_000)
  const stop = async () => {
    await end(child)
    await rm(data_dir, { recursive: true, force: true })
  }
  return { port: mqtt_port, http_port, credentials_file, data_dir, pid: child.pid ?? 0, stop }
}

/** Stock Aedes, which stores nothing. */
export async function startStock(): Promise<Target> {
  const child = start([join(here, 'stock.js')], process.env, 'pipe')
  const port = await new Promise<number>(resolve => child.stdout?.once('data', text => resolve(Number(text))))
  return { port, pid: child.pid ?? 0, stop: () => end(child) }
}

function start(args: string[], env: NodeJS.ProcessEnv, out: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', out, 'ignore'] })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const run = promisify(execFile)

/** The load generator in a process of its own, to its end. */
export async function load(
  { port, credentials_file }: Target,
  options: Omit<LoadOptions, 'port'>,
): Promise<LoadReport> {
  const given = { ...options, port, ...(credentials_file === undefined ? {} : { credentials_file }) }
  const { stdout } = await run(process.execPath, [join(here, '../../simulators/load.js'), JSON.stringify(given)])
  return JSON.parse(stdout) as LoadReport
}

/** Resident memory of a process in bytes (Linux). */
export async function residentBytes({ pid }: Target): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

/** A gauge of the hub's metrics. */
export async function gauge({ http_port }: HubTarget, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${http_port}/metrics`)).text()
  return Number(new RegExp(`^${name} ([\\d.e+]+)$`, 'm').exec(text)?.[1])
}

/** Memory that the hub holds once its garbage is collected, in bytes: resident, and JavaScript objects. */
export async function heldBytes(hub: HubTarget): Promise<{ resident: number; heap: number }> {
  let heap = 0
  // What the first collection sets free, e.g. finished promises, may hold what only the next one finds.
  for (let i = 0; i < 3; i++) {
    process.kill(hub.pid, signal)
    await setTimeout(500)
    heap = await gauge(hub, 'nodejs_heap_size_used_bytes')
  }
  return { resident: await residentBytes(hub), heap }
}
