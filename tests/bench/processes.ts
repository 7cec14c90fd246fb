import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { LoadOptions } from '../../simulators/load.js'
import type { LoadReport } from '../../simulators/load-tally.js'
import { readHubFile } from '../../src/hub-file.js'
import { testSettings, until } from '../helper.js'
import { credentialsIn, makeDevices } from './devices.js'

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

/** As `npm start` has it: what a message leaves behind is collected while it is young, and not in pauses of 40 ms. */
const asStarted = '--max-semi-space-size=64'
/** Lets a signal collect the garbage, so that what is measured is what is held. */
const collectable = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2",()=>gc())']
const signal = 'SIGUSR2'

/** A directory that is gone with what it was made for. */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** A hub with data of its own, and devices that may connect. */
export async function startHub(devices: number): Promise<HubTarget> {
  const { path, remove } = await temporaryDirectory()
  await makeDevices(path, devices)
  const hub = await startHubOn(path)
  return { ...hub, stop: () => hub.stop().then(remove) }
}

/** The hub as `npm start` runs it, with `synchronous=FULL` and no limits, on data that has its devices and keeps all its readings. */
export async function startHubOn(data_dir: string): Promise<HubTarget> {
  const env = {
    ...process.env,
    ...testSettings,
    HEARTH_LIMIT_PENDING_CONNECTIONS: '0',
    HEARTH_LOG_LEVEL: 'warn',
    HEARTH_RETENTION: 'raw=forever,1m=forever,1h=forever',
    HEARTH_DATA_DIR: data_dir,
  }
  const child = start([...process.execArgv, asStarted, ...collectable, join(here, '../../hearth/cli.js'), 'start'], env)
  // What an earlier hub left behind has another pid.
  const look = async () => {
    const file = await readHubFile(data_dir).catch(() => null)
    return file?.pid === child.pid ? file : null
  }
  const { http_port, mqtt_port } = await until(look, 20_000)
  const credentials_file = credentialsIn(data_dir)
  return { port: mqtt_port, http_port, credentials_file, data_dir, pid: child.pid ?? 0, stop: () => end(child) }
}

/** Stock Aedes, which stores nothing. */
export async function startStock(): Promise<Target> {
  const child = start([join(here, 'stock.js')], process.env, 'pipe')
  const port = await new Promise<number>(resolve => child.stdout?.once('data', text => resolve(Number(text))))
  return { port, pid: child.pid ?? 0, stop: () => end(child) }
}

function start(args: string[], env: NodeJS.ProcessEnv, out: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', out, 'ignore'] })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
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
