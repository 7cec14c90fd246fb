import type { IClientOptions } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectBytes, publishPacket, subscribePacket } from '../broker/raw.js'
import { until } from '../helper.js'
import { expectOrder, numbers, type Program, shown, startWorld, transports, type World } from './interop-world.js'

/* What Paho's interoperability suite for MQTT 3.1.1 asks of a broker, sessions left out: those have a file of their own. */

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const levels = [0, 1, 2] as const

describe.each(transports)('over %s', transport => {
  let count = 0
  const connect = (options: IClientOptions = {}) => world.program(transport, `${transport}-${count++}`, options)
  const open = (options: Parameters<World['raw']>[2] = {}) => world.raw(transport, `${transport}-${count++}`, options)
  /** A topic that no other test uses. */
  const own = (name: string) => `${transport}/${name}`
  /** Waits until what was published before has come to a subscriber of `topic`. */
  async function settled(publisher: Program, hearer: Program, topic: string): Promise<void> {
    await publisher.client.publishAsync(topic, 'last', { qos: 2 })
    await hearer.hears('last')
  }

  test.each(levels)(
    'with a subscription of QoS %i each message arrives once, at the lower QoS, in order',
    async qos => {
      const topic = own(`basic-${qos}`)
      const [hearer, speaker] = [await connect(), await connect()]
      await hearer.client.subscribeAsync(topic, { qos })
      const sent = numbers(90)
      await Promise.all(sent.map((text, i) => speaker.client.publishAsync(topic, text, { qos: levels[i % 3] ?? 0 })))
      await until(() => hearer.heard.length >= sent.length)
      await settled(speaker, hearer, topic)
      expectOrder(hearer.payloads().slice(0, -1), sent, 3)
      expect(hearer.heard).toHaveLength(sent.length + 1)
      for (const heard of hearer.heard.slice(0, -1)) expect(heard.qos).toBe(Math.min(qos, Number(heard.payload) % 3))
    },
  )

  test('a program hears its own messages, of no bytes and of 100 kB too', async () => {
    const topic = own('echo')
    const program = await connect()
    await program.client.subscribeAsync(topic, { qos: 2 })
    const large = 'x'.repeat(100_000)
    await program.client.publishAsync(topic, '', { qos: 1 })
    await program.client.publishAsync(topic, large, { qos: 2 })
    await program.hears(large)
    expect(program.payloads()).toEqual(['', large])
  })

  test.each([true, false])(
    'retained messages come to who subscribes later, clean %s, until they are cleared',
    async clean => {
      const place = own(`retained-${clean}`)
      const [speaker, live] = [await connect(), await connect()]
      await live.client.subscribeAsync(`${place}/+`, { qos: 2 })
      const retain = (qos: 0 | 1 | 2, payload: string) =>
        speaker.client.publishAsync(`${place}/${qos}`, payload, { qos, retain: true })
      for (const qos of levels) await retain(qos, `old ${qos}`)
      for (const qos of levels) await retain(qos, `qos ${qos}`)
      await until(() => live.heard.length === 6)
      expect(live.heard.some(({ retain }) => retain)).toBe(false)

      const late = await connect({ clean })
      await late.client.subscribeAsync(`${place}/#`, { qos: 2 })
      await until(() => late.heard.length >= 3)
      await settled(speaker, late, `${place}/other`)
      const kept = levels.map(qos => ({ payload: `qos ${qos}`, qos, retain: true }))
      expect(shown(late).toSorted((a, b) => a.qos - b.qos)).toEqual(
        [...kept, { payload: 'last', qos: 2, retain: false }].toSorted((a, b) => a.qos - b.qos),
      )

      for (const qos of levels) await retain(qos, '')
      await until(() => live.heard.length === 10)
      await speaker.client.publishAsync(`${place}/still`, 'still', { qos: 1, retain: true })
      const later = await connect({ clean })
      await later.client.subscribeAsync(`${place}/#`, { qos: 2 })
      await later.hears('still')
      expect(later.payloads()).toEqual(['still'])
    },
  )

  test('who subscribes again hears what is retained again, at the new QoS', async () => {
    const topic = own('again')
    const program = await connect()
    await program.client.publishAsync(topic, 'kept', { qos: 2, retain: true })
    for (const qos of [1, 0, 2] as const) {
      const before = program.heard.length
      await program.client.subscribeAsync(topic, { qos })
      await until(() => program.heard.length > before)
    }
    expect(shown(program)).toEqual([1, 0, 2].map(qos => ({ payload: 'kept', qos, retain: true })))
  })

  test('a will is published when the connection is lost, and not after DISCONNECT', async () => {
    const topic = own('will')
    const hearer = await connect()
    await hearer.client.subscribeAsync(topic, { qos: 2 })
    const withWill = (payload: string, qos: 0 | 1 | 2) =>
      connect({ will: { topic, payload: Buffer.from(payload), qos, retain: false } })
    await (await withWill('never', 2)).client.endAsync()
    for (const qos of levels) await (await withWill(`lost ${qos}`, qos)).drop()
    await until(() => hearer.heard.length === 3)
    const expected = levels.map(qos => ({ payload: `lost ${qos}`, qos, retain: false }))
    expect(shown(hearer).toSorted((a, b) => a.qos - b.qos)).toEqual(expected)
  })

  test('a will may be retained, and a takeover is a loss', async () => {
    const topic = own('will-retained')
    const will = { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true }
    const hearer = await connect()
    await hearer.client.subscribeAsync(topic, { qos: 1 })
    await world.program(transport, `${transport}-taken`, { will })
    await world.program(transport, `${transport}-taken`)
    await hearer.hears('gone')
    const late = await connect()
    await late.client.subscribeAsync(topic, { qos: 1 })
    await late.hears('gone')
    expect(shown(late)).toEqual([{ payload: 'gone', qos: 1, retain: true }])
  })

  test('who is silent for longer than 1.5 × the keepalive is cut, with its will; who pings is not', async () => {
    const topic = own('keepalive')
    const hearer = await connect()
    await hearer.client.subscribeAsync(topic)
    const pinging = await open({ keepalive: 1 })
    const timer = setInterval(() => pinging.send({ cmd: 'pingreq' }), 500)
    const silent = await open({ keepalive: 1, will: { topic, payload: Buffer.from('silent'), qos: 1, retain: false } })
    const since = performance.now()
    await hearer.hears('silent')
    clearInterval(timer)
    await until(() => silent.closed)
    expect(performance.now() - since).toBeGreaterThan(1400)
    expect(performance.now() - since).toBeLessThan(4000)
    expect(pinging.closed).toBe(false)
  })

  test.each([
    [2, 1],
    [1, 2],
    [0, 1],
    [0, 2],
    [1, 0],
  ] as const)(
    'filters of QoS %i and %i that overlap: one message at the higher, or one for each',
    async (first, second) => {
      const place = own(`overlap-${first}-${second}`)
      for (const clean of [true, false]) {
        const [hearer, speaker] = [await connect({ clean }), await connect()]
        await hearer.client.subscribeAsync({ [`${place}/#`]: { qos: first }, [`${place}/+`]: { qos: second } })
        await speaker.client.publishAsync(`${place}/x`, 'both', { qos: 2 })
        await settled(speaker, hearer, `${place}/x`)
        const got = hearer.heard.filter(({ payload }) => payload === 'both').map(({ qos }) => qos)
        expect([clean, Math.max(...got), got.length <= 2]).toEqual([clean, Math.max(first, second), true])
        expect(hearer.client.connected).toBe(true)
      }
    },
  )

  test('filters with a leading wildcard match no topic with a $, and nobody may speak there', async () => {
    const hearer = await connect()
    await hearer.client.subscribeAsync(['#', '+/dollar', '+'], { qos: 2 })
    const speaker = await open()
    speaker.send(publishPacket(`$${own('dollar')}`, 1, 'secret'))
    await until(() => speaker.closed)
    await settled(await connect(), hearer, own('dollar'))
    expect(hearer.payloads()).not.toContain('secret')
    expect(hearer.heard.filter(({ topic }) => topic.startsWith('$'))).toEqual([])
  })

  test('after UNSUBSCRIBE nothing more comes of that filter, and the others stay', async () => {
    const place = own('unsubscribe')
    const [hearer, speaker] = [await connect({ clean: false }), await connect()]
    await hearer.client.subscribeAsync([`${place}/a`, `${place}/b/#`, `${place}/+/c`], { qos: 2 })
    await hearer.client.unsubscribeAsync([`${place}/a`, `${place}/never`])
    for (const name of ['a', 'b', 'x/c']) await speaker.client.publishAsync(`${place}/${name}`, name, { qos: 1 })
    await settled(speaker, hearer, `${place}/b/last`)
    expect(hearer.payloads()).toEqual(['b', 'x/c', 'last'])
  })

  test('a filter that is refused has 128 in the SUBACK, and the others are granted', async () => {
    const raw = await open()
    const filters = [own('a'), '$SYS/#', `${own('b')}/#`, '$share/g/a', '+']
    expect(await raw.subscribe(...filters.map(topic => ({ topic, qos: 2 as const })))).toEqual([2, 128, 2, 128, 2])
  })

  test('an empty client id is accepted with a clean session, each its own, and else refused with 2', async () => {
    const [one, other] = [await world.raw(transport, ''), await world.raw(transport, '')]
    for (const raw of [one, other]) expect(raw.connack).toMatchObject({ returnCode: 0, sessionPresent: false })
    one.send(subscribePacket([own('anonymous')]))
    await one.next('suback')
    other.send(publishPacket(own('anonymous'), 1, 'hello'))
    await one.publish('hello')
    expect([await one.unread(), await other.unread()]).toEqual([[], ['puback']])
    const kept = world.open(transport).send(connectBytes('', 4, 0xc0, 'interop', world.secret))
    expect(await kept.next('connack')).toMatchObject({ returnCode: 2, sessionPresent: false })
    await until(() => kept.closed)
  })

  test('what follows a second CONNECT, and what is no MQTT, ends the connection', async () => {
    for (const bytes of [connectBytes('x', 4, 2), Buffer.from([0x00, 0x00]), Buffer.from([0xf0, 0x01, 0x00])]) {
      const raw = await open()
      raw.send(bytes)
      await until(() => raw.closed)
    }
  })
})
