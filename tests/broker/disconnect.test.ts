import { describe, expect, test } from 'vitest'
import { startBroker, until } from './harness.js'
import { Raw, rawDevice } from './raw.js'

const will = (topic: string, more = {}) => ({
  topic,
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  ...more,
})

describe('a connection that is cut', () => {
  test('while its credential is still being checked is not let in', async () => {
    const { port, recorder, broker } = await startBroker()
    let go: () => void = () => undefined
    recorder.onAuthenticate = () =>
      new Promise(resolve => {
        go = resolve
      })
    const raw = new Raw(port).connect('d1')
    await until(() => recorder.attempts.length === 1)
    broker.disconnect({ key_id: 'key-id-d1' }, 'revoked')
    go()
    expect(await raw.next('connack')).toMatchObject({ returnCode: 5 })
    expect(recorder.events).toEqual([])
  })

  test('by a match is that of the one who fits, and no other', async () => {
    const { port, broker, recorder } = await startBroker()
    await rawDevice(port, 'd1')
    await rawDevice(port, 'd2')
    const person = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
    await person.next('connack')
    expect(broker.disconnect({}, 'revoked')).toBe(0)
    expect(broker.disconnect({ device_id: 'd1', key_id: 'key-id-d2' }, 'revoked')).toBe(0)
    expect(broker.disconnect({ device_id: 'd1' }, 'revoked')).toBe(1)
    expect(broker.disconnect({ user_id: 'person1' }, 'revoked')).toBe(1)
    await until(() => person.closed && recorder.events.includes('-d1 revoked'))
    expect(broker.connections().map(({ device }) => device.id)).toEqual(['d2'])
  })

  test('ends within a second of the end of its credential, and its will is not published', async () => {
    const { port, recorder } = await startBroker()
    recorder.expires_at = Date.now() + 500
    const raw = await rawDevice(port, 'd1', { will: will('devices/d1/event') })
    await until(() => raw.closed)
    expect(Date.now() - recorder.expires_at).toBeLessThan(1000)
    expect(Date.now()).toBeGreaterThanOrEqual(recorder.expires_at)
    await until(() => recorder.events.includes('-d1 expired'))
    expect(recorder.messages).toEqual([])
  })
})
