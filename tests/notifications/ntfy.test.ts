import { expect, test } from 'vitest'
import { severities } from '../../src/inbound.js'
import { until } from '../helper.js'
import { come, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

/** The fields of https://docs.ntfy.sh/publish/#publish-as-json that there are strings, numbers or lists of strings for, in servers of any age. */
const always = ['topic', 'title', 'message', 'priority', 'tags']
/** Servers know `sequence_id` since 2.16.0, and older ones take no notice of a field that they do not know. */
const documented = [...always, 'sequence_id']
/** Longer messages become attachments: https://docs.ntfy.sh/publish/#limitations */
const maxMessage = 4096

test('an alert is published to a topic of ntfy as JSON, with the token, as urgent as it is', async () => {
  const [{ contact, policy, raise, told }, server] = await Promise.all([startNotifying(), startReceiver()])
  const token = 'tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2'
  await contact('phone', { kind: 'ntfy', server: server.url, topic: 'my-home', token })
  await policy({ steps: [{ after_seconds: 0, min_severity: 'info' }] })
  const said = []
  for (const [i, severity] of severities.entries()) {
    const { id } = await raise({ severity, message: `Ä${'€'.repeat(1000)}` })
    const one = (await come(server.received, i + 1))[i]
    if (!one) throw new Error('nothing came')
    expect([one.method, one.path, one.headers.authorization]).toEqual(['POST', '/', `Bearer ${token}`])
    const body = JSON.parse(one.body) as Record<string, unknown>
    expect(documented).toEqual(expect.arrayContaining(Object.keys(body)))
    expect(body).toMatchObject({ topic: 'my-home', title: expect.stringContaining(`[${severity}] Ä€`) })
    expect(Buffer.byteLength(String(body.message))).toBeLessThanOrEqual(maxMessage)
    expect((await told(id))[0]?.id).toBe(body.sequence_id)
    said.push([severity, body.priority])
  }
  expect(Object.fromEntries(said)).toEqual({ critical: 5, major: 4, minor: 3, warning: 3, info: 2 })
})

test('a topic without a token is published to without one, and what is over rings nobody awake', async () => {
  const [{ contact, raise, act }, server] = await Promise.all([startNotifying(), startReceiver()])
  await contact('phone', { kind: 'ntfy', server: server.url, topic: 'my-home' })
  const { id } = await raise()
  await come(server.received, 1)
  await act(id, 'close')
  const [, over] = await come(server.received, 2)
  expect(over?.headers.authorization).toBeUndefined()
  expect(JSON.parse(over?.body ?? '')).toMatchObject({ priority: 3, title: 'Closed: [critical] Water' })
})

test('an older server, which takes no notice of the id, publishes the whole message all the same', async () => {
  const [{ contact, raise, told }, server] = await Promise.all([startNotifying(), startReceiver()])
  const published: unknown[] = []
  server.answer = ({ body }, response) => {
    const known = Object.entries(JSON.parse(body)).filter(([name]) => always.includes(name))
    published.push(Object.fromEntries(known))
    const answer = { id: 'sPs71M8A2T', time: 1643935928, event: 'message', topic: 'my-home' }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }
  await contact('phone', { kind: 'ntfy', server: server.url, topic: 'my-home' })
  const { id } = await raise()
  await until(async () => (await told(id))[0]?.status === 'delivered')
  expect(published).toEqual([
    {
      topic: 'my-home',
      title: '[critical] Water',
      message: expect.stringContaining('Water'),
      priority: 5,
      tags: ['rotating_light'],
    },
  ])
})
