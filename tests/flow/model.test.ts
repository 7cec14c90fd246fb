import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Command, settleOverdue } from '../../src/commands/rows.js'
import { publishPacket, Raw, subscribePacket } from '../broker/raw.js'
import { startHub, type TestHub, until } from '../helper.js'
import { Model, type ModelCommand, type Said } from './model.js'

const seed = Number(process.env.HEARTH_TEST_SEED ?? Date.now() % 1_000_000)
const runs = 40
const hour = 3_600_000

let hub: TestHub
let count = 0
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

/** Two devices of the hub, and their connections. */
class Real {
  readonly devices: { readonly id: string; readonly key: string; raw: Raw | null }[] = []

  static async make(): Promise<Real> {
    const real = new Real()
    for (let i = 0; i < 2; i++) {
      const id = `model-${count++}`
      real.devices.push({ id, key: await hub.device(id), raw: null })
    }
    return real
  }

  async connect(device: number, mute: boolean): Promise<void> {
    const { id, key } = this.at(device)
    const raw = new Raw(hub.hub.ports.mqtt).connect(id, { password: Buffer.from(key) })
    raw.parser.on('packet', packet => {
      if (packet.cmd === 'publish' && !mute) raw.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    })
    await raw.next('connack')
    await raw.send(subscribePacket([`devices/${id}/commands`])).next('suback')
    this.at(device).raw = raw
  }

  async say(device: number, id: string, status: Said): Promise<void> {
    const { id: device_id, raw } = this.at(device)
    raw?.send(publishPacket(`devices/${device_id}/commands/result`, 1, JSON.stringify({ id, status })))
    await raw?.next('puback')
  }

  async issue(device: number, collapse_key: string | undefined): Promise<string> {
    const body = { name: 'do', ...(collapse_key === undefined ? {} : { collapse_key }) }
    const path = `/devices/${this.at(device).id}/commands`
    return (await hub.client.post<{ command: Command }>(path, body)).command.id
  }

  at(device: number) {
    const found = this.devices[device]
    if (!found) throw new Error('there are two')
    return found
  }

  /** What the hub says of both devices and of all their commands. */
  async look() {
    return Promise.all(
      this.devices.map(async ({ id }) => {
        const { device } = await hub.client.get<{ device: { connected: boolean } }>(`/devices/${id}`)
        const { commands } = await hub.client.get<{ commands: Command[] }>(`/devices/${id}/commands?limit=200`)
        const shown = commands.map(one => `${one.id} ${one.status} ${one.attempt}`).toSorted()
        return { connected: device.connected, commands: shown }
      }),
    )
  }
}

const expected = (model: Model) =>
  model.devices.map(({ online }, device) => ({
    connected: online,
    commands: model.commands
      .filter(one => one.device === device)
      .map(one => `${one.id} ${one.status} ${one.attempt}`)
      .toSorted(),
  }))

/** A step, taken in the model and in the hub; then both must come to say the same. */
function step(name: string, may: (model: Model) => boolean, take: (model: Model, real: Real) => Promise<void>) {
  const run = async (model: Model, real: Real) => {
    await take(model, real)
    const wanted = JSON.stringify(expected(model))
    await until(async () => JSON.stringify(await real.look()) === wanted, 4000).catch(async () => {
      expect(await real.look(), name).toEqual(expected(model))
    })
  }
  return { check: may, run, toString: () => name }
}

const device = fc.integer({ min: 0, max: 1 })
const place = fc.nat({ max: 100 })
const said = fc.constantFrom<Said>('accepted', 'running', 'succeeded', 'failed', 'rejected', 'cancelled')
const online = (device: number) => (model: Model) => model.devices[device]?.online === true
const any = () => true
const some = (model: Model) => model.commands.length > 0
/** One of the newest: what is old is settled mostly. */
const chosen = ({ commands }: Model, place: number) =>
  commands.at(-1 - (place % Math.min(4, commands.length))) as ModelCommand

const steps = [
  fc.tuple(device, fc.boolean()).map(([to, mute]) =>
    step(`connect ${to}${mute ? ' mute' : ''}, taking over`, any, async (model, real) => {
      await real.connect(to, mute)
      model.connect(to, mute)
    }),
  ),
  device.map(from =>
    step(`drop ${from}`, online(from), async (model, real) => {
      await real.at(from).raw?.end()
      model.disconnect(from)
    }),
  ),
  device.map(from =>
    step(`disconnect ${from}`, online(from), async (model, real) => {
      real.at(from).raw?.send({ cmd: 'disconnect' })
      model.disconnect(from)
    }),
  ),
  fc
    .tuple(device, fc.constantFrom(undefined, undefined, 'a', 'b'))
    .map(([to, key]) =>
      step(`issue to ${to} ${key ?? ''}`, any, async (model, real) => model.issue(await real.issue(to, key), to, key)),
    ),
  place.map(which =>
    step(`cancel ${which}`, some, async model => {
      const command = chosen(model, which)
      const cancelling = hub.client.delete(`/commands/${command.id}`)
      if (model.cancel(command)) await cancelling
      else await expect(cancelling).rejects.toMatchObject({ code: 'conflict' })
    }),
  ),
  fc.tuple(device, place, said).map(([from, which, status]) =>
    step(
      `${from} says ${status} of ${which}`,
      model => some(model) && online(from)(model),
      async (model, real) => {
        const command = chosen(model, which)
        await real.say(from, command.id, status)
        model.result(from, command, status)
      },
    ),
  ),
  fc.boolean().map(work =>
    step(`expire${work ? ' work' : ''}`, some, async model => {
      await settleOverdue(hub.hub.store.db, Date.now() + (work ? 2 : 0.5) * hour)
      model.expire(work)
    }),
  ),
  fc.constant(
    step('restart', any, async model => {
      hub = await hub.restart()
      model.restart()
    }),
  ),
]
/** Issue, cancel and result come more often. */
const often = steps.slice(3, 6)

test(`commands and presence are what the contract says, whatever happens: ${runs} random lives (seed ${seed})`, async () => {
  const lives = fc.commands<Model, Real, false>([...steps, ...often, ...often], {
    maxCommands: 40,
    size: 'max',
  })
  await fc.assert(
    fc.asyncProperty(lives, async life => {
      const real = await Real.make()
      await fc.asyncModelRun(() => ({ model: new Model(), real }), life)
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: 150_000, markInterruptAsFailure: false },
  )
}, 240_000)
