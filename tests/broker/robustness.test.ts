import { type ChildProcess, spawn } from 'node:child_process'
import mqttPacket from 'mqtt-packet'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBroker, until } from './harness.js'
import { connectPacket, publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

describe('a hook that throws', () => {
  test('ends a connection at most, never the process', async () => {
    const { port, recorder, broker } = await startBroker()
    recorder.connected =
      recorder.readyForCommands =
      recorder.delivered =
      recorder.disconnected =
        () => {
          throw new Error('a fault of the hub')
        }
    const device = (await rawDevice(port, 'd1')).send(subscribePacket(['devices/d1/commands']))
    await device.next('suback')
    await broker.publish('homes/home-d1/devices/d1/commands', 'x', { qos: 1, receipt: 'r' })
    device.send({ cmd: 'puback', messageId: (await device.next('publish')).messageId ?? 0 }, { cmd: 'pingreq' })
    await device.next('pingresp')
    recorder.onReceive = () => {
      throw new Error('a fault of the hub')
    }
    device.send(publishPacket('devices/d1/telemetry'))
    await until(() => device.closed)
    expect(device.acks).toBe(0)
    recorder.authenticate = () => {
      throw new Error('a fault of the hub')
    }
    expect(await new Raw(port).connect('d2').next('connack')).toMatchObject({ returnCode: 3 })
  })

  test('stock Aedes: ends the process', async () => {
    const code = `
      import { createServer } from 'node:net'
      import { Aedes } from 'aedes'
      const aedes = await Aedes.createBroker({ authorizePublish: () => { throw new Error('a fault') } })
      createServer(aedes.handle).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void child.kill())
    const port = await new Promise<number>(resolve => child.stdout?.once('data', data => resolve(Number(data))))
    const exited = new Promise(resolve => child.once('exit', resolve))
    ;(await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry'))
    expect(await exited).toBe(1)
  })
})

test('mutated packets end connections, never the process, and the counts go back to nothing', async () => {
  const { port, recorder, broker } = await startBroker({
    HEARTH_LIMIT_PENDING_CONNECTIONS: '0',
    HEARTH_LIMIT_DEVICE_MESSAGES: '0',
  })
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
  const good = [
    connectPacket('d1'),
    publishPacket('devices/d1/telemetry', 5),
    publishPacket('devices/d1/telemetry', 5, '{}', { qos: 2 }),
    subscribePacket(['devices/d1/commands', 'devices/d1/#'], 1, 6),
    { cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['devices/d1/#'] },
    { cmd: 'puback', messageId: 8 },
    { cmd: 'pubrel', messageId: 5 },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  ].map(packet => mqttPacket.generate(packet as never))
  for (let round = 0; round < 100; round++) {
    const raws = Array.from({ length: 20 }, (_, i) => {
      const raw = new Raw(port)
      if (random(4) > 0) raw.connect(`d${i}`)
      for (let n = random(8); n >= 0; n--) {
        const bytes = Buffer.from(good[random(good.length)] ?? '')
        for (let k = random(3); k > 0; k--) bytes[random(bytes.length)] = random(256)
        raw.send(bytes.subarray(0, random(10) === 0 ? random(bytes.length) : bytes.length))
      }
      return raw
    })
    await Promise.all(raws.map(raw => new Promise<void>(resolve => raw.socket.end(() => resolve()))))
    for (const raw of raws) if (random(2) === 0) raw.socket.destroy()
  }
  await until(() => broker.stats().connections === 0, `no connections (seed ${seed})`)
  const told = recorder.events.filter(event => !event.startsWith('ready'))
  expect(told.filter(event => event.startsWith('+')).length).toBe(told.length / 2)
}, 60_000)
