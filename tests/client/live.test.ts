import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Live, type LiveOptions } from '../../src/client/live.js'
import { Session, type SessionStorage } from '../../src/client/session.js'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson } from '../people/person.js'
import { freePort } from '../ports.js'

let hub: TestHub
const opened: Live[] = []
beforeAll(async () => {
  hub = await startHub({ HEARTH_HTTP_PORT: String(await freePort()) })
})
afterEach(async () => {
  for (const live of opened.splice(0)) await live.close()
})
afterAll(() => hub.close())

function open(options: Partial<LiveOptions> = {}): Live {
  const { access_token } = hub
  const live = new Live({
    url: `${hub.http_url.replace(/^http/, 'ws')}/mqtt`,
    credentials: async () => ({ access_token, expires_at: Date.now() + 900_000 }),
    first_pause_ms: 20,
    ...options,
  })
  opened.push(live)
  return live
}

/** Listens, and gathers what is told. */
function listen(live: Live, ...filters: string[]) {
  const heard: string[] = []
  const told = { resumed: 0 }
  const stop = live.subscribe(filters, {
    heard: ({ payload }) => heard.push(payload),
    resumed: () => {
      told.resumed++
    },
  })
  return { heard, told, stop, live: () => until(() => told.resumed > 0) }
}

const topic = (id: string) => `homes/home/devices/${id}/telemetry`

/** A device that says numbers. */
async function counter(id: string) {
  const key = await hub.device(id)
  return async (value: number) => {
    const connection = await hub.connect(id, key)
    await connection.publishAsync(`devices/${id}/telemetry`, JSON.stringify({ value }), { qos: 1 })
    await connection.endAsync()
  }
}

/** Stands before the hub, and can fall silent without a word. */
async function openSilence() {
  const sockets: Socket[] = []
  const server = createServer(front => {
    const behind = connect(Number(new URL(hub.http_url).port), '127.0.0.1')
    sockets.push(front, behind)
    front.pipe(behind).pipe(front)
    front.on('error', () => behind.destroy()).on('close', () => behind.destroy())
    behind.on('error', () => front.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`,
    fall: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe('live', () => {
  test('finds out that a connection has fallen silent, and comes back over another one', async () => {
    const silence = await openSilence()
    const told: string[] = []
    const live = open({ url: silence.url, changed: status => told.push(status) })
    const listener = listen(live, topic('silent'))
    await listener.live()
    live.check(10_000)
    expect(live.status).toBe('online')
    silence.fall()
    live.check(50)
    await until(() => told.includes('offline'))
    await until(() => listener.told.resumed === 2)
    const say = await counter('silent')
    await say(1)
    await until(() => listener.heard.includes('{"value":1}'))
    await live.close()
    silence.close()
  })

  test('tells each who listens, as long as they do, each message once', async () => {
    const live = open()
    const [narrow, wide] = [listen(live, topic('a')), listen(live, 'homes/home/devices/+/telemetry', topic('a'))]
    await Promise.all([narrow.live(), wide.live()])
    const say = await counter('a')
    await say(1)
    await until(() => narrow.heard.length === 1 && wide.heard.length >= 1)
    narrow.stop()
    await say(2)
    await until(() => wide.heard.at(-1) === '{"value":2}')
    expect(narrow.heard).toEqual(['{"value":1}'])
    const later = listen(live, topic('a'))
    await later.live()
    await say(3)
    await until(() => later.heard.includes('{"value":3}'))
  })

  test('hears a topic again that it has only just let go of', async () => {
    const live = open()
    const first = listen(live, topic('f'))
    await first.live()
    first.stop()
    const again = listen(live, topic('f'))
    await again.live()
    const say = await counter('f')
    await say(1)
    await until(() => again.heard.length === 1)
    expect(first.heard).toEqual([])
  })

  test('comes back when the hub does, and says that something may have been missed', async () => {
    const statuses: string[] = []
    const live = open({ changed: status => statuses.push(status) })
    const { heard, told, live: isLive } = listen(live, topic('b'))
    await isLive()
    const say = await counter('b')
    hub = await hub.restart()
    await until(() => told.resumed === 2)
    await say(1)
    await until(() => heard.length === 1)
    expect(statuses).toEqual(['online', 'offline', 'online'])
  })

  test('renews its token without a gap: nothing is missed, and nobody is told', async () => {
    let asked = 0
    const statuses: string[] = []
    const live = open({
      credentials: async () => ({ access_token: hub.access_token, expires_at: Date.now() + 2000 + asked++ }),
      renew_before_ms: 1000,
      changed: status => statuses.push(status),
    })
    const { heard, told, live: isLive } = listen(live, topic('c'))
    await isLive()
    const key = await hub.device('c')
    const connection = await hub.connect('c', key)
    let count = 0
    while (asked < 3) {
      await connection.publishAsync('devices/c/telemetry', JSON.stringify({ value: count }), { qos: 1 })
      count++
    }
    await until(() => new Set(heard).size === count)
    expect([told.resumed, statuses]).toEqual([1, ['online']])
  })

  test('tries again when there is no token to be had, and soon when it is woken', async () => {
    let isThere = false
    const { access_token } = hub
    const live = open({
      first_pause_ms: 60_000,
      credentials: async () => {
        if (!isThere) throw new TypeError('nobody answers')
        return { access_token, expires_at: Date.now() + 900_000 }
      },
    })
    const { live: isLive } = listen(live, topic('d'))
    await until(() => live.status === 'offline')
    isThere = true
    live.wake()
    await isLive()
    expect(live.status).toBe('online')
  })

  test('exchanges a token that has ended before its time, as with a role that has changed', async () => {
    const person = await newPerson(hub)
    let text: string | null = null
    const storage: SessionStorage = {
      read: () => text,
      write: next => {
        text = next
      },
      exclusive: run => run(),
    }
    const session = new Session({ url: hub.http_url, storage })
    await session.signIn(person.username, person.password)
    const live = open({ credentials: refused => session.credentials(refused) })
    const { heard, told, live: isLive } = listen(live, topic('e'))
    await isLive()
    await hub.client.patch(`/users/${person.id}`, { role: 'staff' })
    await until(() => told.resumed === 2)
    const say = await counter('e')
    await say(1)
    await until(() => heard.length === 1)
  })
})
