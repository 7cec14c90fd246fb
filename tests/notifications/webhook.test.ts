import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, noticeIn, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

test('an alert is told to a webhook, signed so that a library of Standard Webhooks takes it', async () => {
  const [{ contact, raise, told, alert }, receiver] = await Promise.all([startNotifying(), startReceiver()])
  const { secret } = await contact('phone', { kind: 'webhook', url: `${receiver.url}hook?a=b` })
  const raised = await raise()
  const [one] = await come(receiver.received, 1)
  if (!one || secret === null) throw new Error('nothing came')
  expect([one.method, one.path, one.headers['content-type']]).toEqual(['POST', '/hook?a=b', 'application/json'])
  const verified = new Webhook(secret).verify(one.body, one.headers as Record<string, string>)
  expect(verified).toMatchObject({
    type: 'alert.raised',
    data: { alert: { id: raised.id, severity: 'critical', message: 'Water' }, home: { id: 'home' }, device: null },
  })
  expect(() => new Webhook(secret).verify(`${one.body} `, one.headers as Record<string, string>)).toThrow()
  const [row] = await until(async () => {
    const rows = await told(raised.id)
    return rows[0]?.status === 'delivered' ? rows : null
  })
  expect(row).toMatchObject({ id: one.headers['webhook-id'], event: 'raised', attempts: [{ attempt: 1, fault: null }] })
  expect(await alert(raised.id)).toMatchObject({ told: true })
})

test('who was told that it was raised is told that it is over, and who was not hears nothing', async () => {
  const [{ contact, policy, raise, act }, receiver] = await Promise.all([startNotifying(), startReceiver()])
  await contact('phone', { kind: 'webhook', url: receiver.url })
  const first = await raise()
  await come(receiver.received, 1)
  await act(first.id, 'close')
  await come(receiver.received, 2)
  await policy({ steps: [{ after_seconds: 0, min_severity: 'critical' }] })
  const unheard = await raise({ severity: 'minor' })
  await act(unheard.id, 'close')
  const third = await raise()
  await come(receiver.received, 3)
  const heard = receiver.received.map(noticeIn).map(({ type, data }) => [type, data.alert?.id])
  expect(heard).toEqual([
    ['alert.raised', first.id],
    ['alert.closed', first.id],
    ['alert.raised', third.id],
  ])
})
