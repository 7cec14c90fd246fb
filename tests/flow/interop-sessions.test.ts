import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishPacket } from '../broker/raw.js'
import { until } from '../helper.js'
import { expectOrder, numbers, type Raw, startWorld, transports, type World } from './interop-world.js'

/* What Paho's interoperability suite for MQTT 3.1.1 asks of sessions that are kept, and more of the same. */

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

describe.each(transports)('over %s', transport => {
  let count = 0
  const anybody = () => world.program(transport, `${transport}-${count++}`)
  const kept = (id: string) => world.program(transport, `${transport}-${id}`, { clean: false })
  const keptRaw = (id: string) => world.raw(transport, `${transport}-${id}`, { clean: false })
  const own = (name: string) => `${transport}/${name}`

  test.each([1, 2] as const)(
    'what is said at QoS %i to who is away comes in order when they are back, once',
    async qos => {
      const [id, topic] = [`away-${qos}`, own(`away-${qos}`)]
      const first = await kept(id)
      expect(first.session_present).toBe(false)
      await first.client.subscribeAsync([`${topic}/+`], { qos })
      await first.client.endAsync()
      const speaker = await anybody()
      const sent = numbers(60)
      for (const [i, text] of sent.entries())
        await speaker.client.publishAsync(`${topic}/x`, text, { qos: i % 2 ? 1 : 2 })
      const back = await kept(id)
      expect(back.session_present).toBe(true)
      await until(() => back.heard.length >= sent.length)
      // The client tells a QoS 2 message when its PUBREL has come.
      expectOrder(back.payloads(), sent, qos)
      expect(new Set(back.heard.map(heard => heard.qos))).toEqual(new Set(qos === 1 ? [1] : [1, 2]))
      await back.client.endAsync()
      const again = await kept(id)
      await speaker.client.publishAsync(`${topic}/x`, 'new', { qos: 2 })
      await again.hears('new')
      expect(again.payloads()).toEqual(['new'])
    },
  )

  test('a clean session ends the kept one, and is not kept', async () => {
    const topic = own('cleaned')
    const first = await kept('cleaned')
    await first.client.subscribeAsync(topic, { qos: 1 })
    await first.client.endAsync()
    const speaker = await anybody()
    await speaker.client.publishAsync(topic, 'while away', { qos: 1 })
    const clean = await world.program(transport, `${transport}-cleaned`)
    expect(clean.session_present).toBe(false)
    await clean.client.subscribeAsync(own('other'), { qos: 1 })
    await clean.client.endAsync()
    const back = await kept('cleaned')
    expect(back.session_present).toBe(false)
    await back.client.subscribeAsync(own('marker'), { qos: 1 })
    for (const name of ['cleaned', 'other', 'marker']) await speaker.client.publishAsync(own(name), name, { qos: 1 })
    await back.hears('marker')
    expect(back.payloads()).toEqual(['marker'])
  })

  test('what was unsubscribed is gone from the kept session, and a changed QoS stays changed', async () => {
    const place = own('changed')
    const first = await kept('changed')
    await first.client.subscribeAsync([`${place}/a`, `${place}/b`], { qos: 2 })
    await first.client.subscribeAsync(`${place}/b`, { qos: 1 })
    await first.client.unsubscribeAsync(`${place}/a`)
    await first.client.endAsync()
    const speaker = await anybody()
    for (const name of ['a', 'b']) await speaker.client.publishAsync(`${place}/${name}`, name, { qos: 2 })
    const back = await kept('changed')
    await back.hears('b')
    expect(back.heard).toMatchObject([{ payload: 'b', qos: 1 }])
  })

  test('what was not acknowledged is sent again on the next connection: same packet id, DUP, in order', async () => {
    const topic = own('redelivery')
    const first = await keptRaw('redelivery')
    await first.subscribe({ topic, qos: 2 })
    const speaker = await anybody()
    for (const [i, qos] of ([1, 2, 1, 2] as const).entries()) await speaker.client.publishAsync(topic, `${i}`, { qos })
    const before = await all(first, ['0', '1', '2', '3'])
    expect(before.map(({ dup }) => dup)).toEqual([false, false, false, false])
    expect(new Set(before.map(({ messageId }) => messageId)).size).toBe(4)
    await first.end()

    const second = await keptRaw('redelivery')
    expect(second.connack).toMatchObject({ sessionPresent: true })
    const again = await all(second, ['0', '1', '2', '3'])
    expect(again).toEqual(before.map(packet => ({ ...packet, dup: true })))
    const [one = 0, two = 0, three = 0, four = 0] = again.map(({ messageId }) => messageId)
    second.ack('puback', one).ack('pubrec', two).ack('pubrec', four)
    for (const id of [two, four]) await second.next('pubrel', packet => packet.messageId === id)
    await second.end()

    const third = await keptRaw('redelivery')
    await all(third, ['2'])
    for (const id of [two, four]) await third.next('pubrel', packet => packet.messageId === id)
    third.ack('puback', three).ack('pubcomp', four).ack('pubcomp', two)
    expect(await third.unread()).toEqual([])
    await third.end()

    const last = await keptRaw('redelivery')
    await speaker.client.publishAsync(topic, 'last', { qos: 1 })
    await last.publish('last')
    expect(await last.unread()).toEqual([])
  })

  test('many QoS 2 messages under way at once are each delivered once, whatever order they are answered in', async () => {
    const topic = own('window')
    const raw = await keptRaw('window')
    await raw.subscribe({ topic, qos: 2 })
    const speaker = await anybody()
    const sent = numbers(20)
    await Promise.all(sent.map(text => speaker.client.publishAsync(topic, text, { qos: 2 })))
    const ids = (await all(raw, sent)).map(({ messageId }) => messageId)
    for (const id of ids) raw.ack('pubrec', id)
    for (const id of ids) await raw.next('pubrel', packet => packet.messageId === id)
    for (const id of ids.toReversed()) raw.ack('pubcomp', id)
    expect(await raw.unread()).toEqual([])
    await raw.end()
    const back = await keptRaw('window')
    await speaker.client.publishAsync(topic, 'last', { qos: 1 })
    await back.publish('last')
    expect(await back.unread()).toEqual([])
  })

  test('a QoS 2 message that is sent again with DUP is passed on once, also over a new connection', async () => {
    const topic = own('exactly-once')
    const hearer = await world.raw(transport, '')
    await hearer.subscribe({ topic, qos: 2 })
    const say = (raw: Raw, id: number, payload: string, dup: boolean) =>
      raw.send(publishPacket(topic, id, payload, { qos: 2, dup }))
    const under = [
      [5, 'b'],
      [6, 'c'],
    ] as const
    const first = await keptRaw('exactly-once')
    for (const dup of [true, false, true]) {
      say(first, 5, 'a', dup)
      await first.next('pubrec')
    }
    for (let i = 0; i < 2; i++) {
      first.ack('pubrel', 5)
      await first.next('pubcomp')
    }
    for (const [id, payload] of under) {
      say(first, id, payload, false)
      await first.next('pubrec')
    }
    await first.end()

    const second = await keptRaw('exactly-once')
    for (const [id, payload] of under) {
      say(second, id, payload, true)
      await second.next('pubrec')
      second.ack('pubrel', id)
      await second.next('pubcomp')
    }
    say(second, 5, 'last', false)
    // The DUP flag is each receiver's own [MQTT-3.3.1-3]
    expect((await all(hearer, ['a', 'b', 'c', 'last'])).some(({ dup }) => dup)).toBe(false)
  })

  test('connections cut again and again on both sides cost no message at QoS 1, and repeat none at QoS 2', async () => {
    const topic = own('storm')
    const again = { clean: false, reconnectPeriod: 10 }
    const hearer = await world.program(transport, `${transport}-storm-hearer`, again)
    const speaker = await world.program(transport, `${transport}-storm-speaker`, again)
    await hearer.client.subscribeAsync(topic, { qos: 2 })
    const sent = numbers(300)
    const said = (async () => {
      for (let i = 0; i < sent.length; i += 10) {
        const some = sent.slice(i, i + 10)
        await Promise.all(some.map((text, n) => speaker.client.publishAsync(topic, text, { qos: n % 2 ? 1 : 2 })))
      }
    })()
    for (const [n, { client }] of [hearer, speaker, hearer, speaker, hearer, speaker].entries()) {
      await until(() => client.connected && hearer.heard.length > (n + 1) * 20)
      client.stream.destroy()
    }
    await said
    await until(() => sent.every(text => hearer.payloads().includes(text)))
    const even = hearer.payloads().filter(text => Number(text) % 2 === 0)
    expect(even.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent.filter(text => Number(text) % 2 === 0))
  })
})

/** The messages with these payloads, in the order in which they came. */
async function all(raw: Raw, payloads: readonly string[]) {
  await until(() => raw.packets.filter(({ cmd }) => cmd === 'publish').length >= payloads.length || raw.closed)
  const order = raw.packets.flatMap(packet => (packet.cmd === 'publish' ? String(packet.payload) : []))
  expect(order).toEqual(payloads)
  const found = []
  for (const payload of payloads) found.push(await raw.publish(payload))
  return found
}
