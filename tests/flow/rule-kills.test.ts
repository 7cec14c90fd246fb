import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { HearthClient } from '../../src/client/client.js'
import { until } from '../helper.js'
import { above, alertsOf, isActive, makeRule } from '../rules/rules.js'
import { type ChildHub, clientOf, makeDevices, portsOf, startChild } from './child.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const count = 8

/** A device that breaks its rule and keeps it in turn, and says the same again until it is acknowledged. */
class Breaker {
  readonly id: string
  readonly #key: string
  readonly #url: () => string
  breaks = 0
  over = false
  #ts = 0

  constructor(id: string, key: string, url: () => string) {
    this.id = id
    this.#key = key
    this.#url = url
  }

  async run(): Promise<void> {
    while (!this.over) {
      await this.#say(100)
      this.breaks++
      await this.#say(1)
    }
  }

  async #say(t: number): Promise<void> {
    this.#ts = Math.max(Date.now(), this.#ts + 1)
    const said = { ts: this.#ts, data: { t } }
    const client = () => new HearthClient({ url: this.#url(), api_key: this.#key })
    const isSaid = () =>
      client()
        .post('/telemetry', said)
        .then(
          () => true,
          () => false,
        )
    while (!(await isSaid())) await sleep(20)
    await sleep(5)
  }
}

test(`kill -9 at random, ${kills} times, while rules are broken: each acknowledged breach has raised its alert, and once`, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`kills from seed ${seed}`)
  const random = createRandom(seed)
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-rule-kills-'))
  let hub: ChildHub = await startChild(data_dir)
  const ports = portsOf(hub)
  const keys = await makeDevices(hub, count)
  const { client } = await clientOf(hub)
  await makeRule(client, above(50), { key: 'hot' })
  const breakers = [...keys].map(
    ([id, key]) => new Breaker(id, key, () => `http://127.0.0.1:${ports.HEARTH_HTTP_PORT}`),
  )
  onTestFinished(async () => {
    for (const breaker of breakers) breaker.over = true
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  const running = breakers.map(breaker => breaker.run())

  for (let i = 0; i < kills; i++) {
    await sleep(random.between(100, 1500))
    await hub.end('SIGKILL')
    hub = await startChild(data_dir, ports)
    expect(hub.ready_ms).toBeLessThan(5000)
  }
  for (const breaker of breakers) breaker.over = true
  await Promise.all(running)

  const { client: after } = await clientOf(hub)
  const settled = await until(async () => {
    const alerts = await alertsOf(after)
    return alerts.length === count && !alerts.some(isActive) ? alerts : null
  })
  const raised = Object.fromEntries(settled.map(({ device_id, times }) => [device_id, times]))
  const broken = Object.fromEntries(breakers.map(({ id, breaks }) => [id, breaks]))
  console.log(`raised ${Object.values(raised).join(' ')} times`)
  expect(raised).toEqual(broken)
}, 240_000)
