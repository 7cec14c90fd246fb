import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import type { HearthClient } from '../../src/client/client.js'
import type { Command } from '../../src/commands/rows.js'
import { until } from '../helper.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'
import { CommandDevice, type Manner, manners, type Run } from './command-device.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const atOnce = 50
const count = 8
/** These devices come only when all is over; the one before them loses its connection now and then. */
const away = 2
const seed = Number(process.env.HEARTH_TEST_SEED ?? Date.now() % 1_000_000)
const random = createRandom(seed)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T

/** A short time to live for what is never answered, or it would never be settled. */
function ttlOf(manner: Manner): number {
  return manner === 'never' || random.chance(0.3) ? 1 : 600
}

/** What may have become of a command, by what its device did. */
function allowed({ attempt, sent_at, expires_at }: Command, run: Run | undefined): string[] {
  if (!run) return attempt === 0 && sent_at === null ? ['expired'] : ['unknown']
  if (run.said === null) return ['unknown']
  const inTime = Math.min(run.said_at ?? Infinity, run.accepted_at ?? Infinity) < expires_at
  return inTime ? [run.said] : [run.said, 'unknown']
}

async function allCommands(client: HearthClient, device_id: string): Promise<Command[]> {
  const commands: Command[] = []
  for (let cursor = ''; ; ) {
    const page = await client.get<{ commands: Command[]; next_cursor: string | null }>(
      `/devices/${device_id}/commands?limit=200${cursor && `&cursor=${cursor}`}`,
    )
    commands.push(...page.commands)
    if (page.next_cursor === null) return commands.toReversed()
    cursor = page.next_cursor
  }
}

test(`kill -9, ${kills} times, while ${kills * atOnce} commands are given: none is lost, none is run twice, each ends as it went (seed ${seed})`, async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-command-kills-'))
  let hub = await startChild(data_dir)
  const ports = portsOf(hub)
  const { client } = await clientOf(hub)
  const keys = [...(await makeDevices(hub, count))]
  const port = Number(ports.HEARTH_MQTT_PORT)
  const devices = keys.map(([id, key], i) => new CommandDevice(id, key, port, i < count - away))
  const [present, absent] = [devices.slice(0, -away), devices.slice(-away)]
  onTestFinished(async () => {
    for (const device of devices) await device.close()
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })

  const answered = new Set<string>()
  let n = 0
  const give = async () => {
    const manner = pick(manners)
    const body = { name: 'do', params: { n: n++, manner }, ttl_seconds: ttlOf(manner) }
    // Without an answer nobody knows whether it was written down.
    const given = await client
      .post<{ command: Command }>(`/devices/${pick(devices).id}/commands`, body)
      .catch(() => null)
    if (given) answered.add(given.command.id)
  }
  for (let i = 0; i < kills; i++) {
    await until(() => present.every(({ connected }) => connected))
    const enough = answered.size + random.between(10, atOnce - 5)
    const giving = Array.from({ length: atOnce }, () => sleep(random.between(0, 200)).then(give))
    if (random.chance(0.5)) present.at(-1)?.drop()
    await until(() => answered.size >= enough)
    await hub.end('SIGKILL')
    await Promise.all(giving)
    hub = await startChild(data_dir, ports)
  }
  for (const device of absent) device.come()

  const commandsOf = async (device: CommandDevice) => ({ device, commands: await allCommands(client, device.id) })
  const rows = await until(async () => {
    const all = await Promise.all(devices.map(commandsOf))
    return all.every(({ commands }) => commands.every(({ settled_at }) => settled_at !== null)) ? all : null
  }, 30_000)
  const known = new Map(rows.flatMap(({ commands }) => commands.map(command => [command.id, command])))
  expect([...answered].filter(id => !known.has(id))).toEqual([])
  expect(answered.size).toBeGreaterThan(kills * 10)
  const wrong: string[] = []
  const statuses: Record<string, number> = {}
  for (const { device, commands } of rows) {
    for (const command of commands) {
      const run = device.runs.get(command.id)
      statuses[command.status] = (statuses[command.status] ?? 0) + 1
      if (!allowed(command, run).includes(command.status)) wrong.push(JSON.stringify({ command, run }))
    }
    const numbers = [...device.runs.values()].map(run => run.n)
    expect(new Set(numbers).size).toBe(numbers.length)
    const ids = [...device.runs.keys()]
    expect(ids).toEqual(ids.toSorted())
  }
  console.log(`${answered.size} answered of ${n}, ${known.size} written down: ${JSON.stringify(statuses)}`)
  expect(wrong).toEqual([])
  for (const status of ['succeeded', 'failed', 'expired', 'unknown']) expect(statuses[status]).toBeGreaterThan(0)
}, 240_000)
