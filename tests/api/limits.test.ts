import { describe, expect, test } from 'vitest'
import { admin, startApi } from './harness.js'

describe('limits', () => {
  test('5 logins a minute and address: then 429 with Retry-After, whatever a proxy header says', async () => {
    const limited = await startApi({ HEARTH_LIMIT_LOGIN: '5' })
    const attempt = (n: number) =>
      limited.call('POST', '/api/v1/auth/login', {
        key: null,
        body: { email: admin.email, password: `wrong ${n}` },
        headers: { 'x-forwarded-for': `10.0.0.${n}`, forwarded: `for=10.0.0.${n}`, 'x-real-ip': `10.0.0.${n}` },
      })
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => attempt(n)))
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.body).toEqual({
      error: 'rate_limit_exceeded',
      message: 'Too many requests, slow down.',
      details: [],
    })
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await limited.call('GET', '/api/v1/users/me')).status).toBe(200)
    await limited.close()
  })

  test('requests are counted by person, wrong credentials by address before they are looked at', async () => {
    const limited = await startApi({ HEARTH_LIMIT_API: '4' })
    const key = await limited.device('right')
    const status = (key: string) => limited.call('GET', '/api/v1/devices/status', { key })
    for (let n = 0; n < 4; n++) expect((await status('hk_guess')).status).toBe(401)
    expect(await status('hk_guess')).toMatchObject({ status: 429 })
    expect(await status(key)).toMatchObject({ status: 429 })
    await limited.close()

    const own = await startApi({ HEARTH_LIMIT_API: '4' })
    const statuses = []
    for (let n = 0; n < 6; n++) statuses.push((await own.call('GET', '/api/v1/devices')).status)
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
    expect((await own.call('GET', '/health', { key: null })).status).toBe(200)
    await own.close()
  })

  test('changes and commands have limits of their own', async () => {
    const limited = await startApi({ HEARTH_LIMIT_UPDATES: '3', HEARTH_LIMIT_COMMANDS: '2' })
    await limited.device('d1')
    const command = () => limited.call('POST', '/api/v1/devices/d1/commands', { body: { name: 'x' } })
    const change = () => limited.call('PATCH', '/api/v1/devices/d1', { body: { name: 'y' } })
    expect([await command(), await command(), await command()].map(({ status }) => status)).toEqual([202, 202, 429])
    expect([await change(), await change(), await change()].map(({ status }) => status)).toEqual([200, 200, 429])
    expect((await limited.call('GET', '/api/v1/devices/d1')).status).toBe(200)
    await limited.close()
  })

  test('a device’s messages are limited a second', async () => {
    const limited = await startApi({ HEARTH_LIMIT_DEVICE_MESSAGES: '2' })
    const own = await limited.device('d1')
    const answers = await Promise.all(
      [1, 2, 3, 4].map(n => limited.call('POST', '/api/v1/telemetry', { key: own, body: { n } })),
    )
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(1)
    await expect
      .poll(async () => (await limited.call('POST', '/api/v1/telemetry', { key: own, body: { n: 5 } })).status, {
        timeout: 5000,
      })
      .toBe(202)
    await limited.close()
  })
})

describe('who asks is the peer, whatever a header says', () => {
  const spoofed = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', host: 'elsewhere.example' }
  const attempts = async (settings: Record<string, string>) => {
    const limited = await startApi({ HEARTH_LIMIT_LOGIN: '2', ...settings })
    const statuses: number[] = []
    for (let n = 0; n < 4; n++) {
      const headers = { ...spoofed, 'x-forwarded-for': `203.0.113.${n}` }
      const body = { username: 'nobody', password: 'wrong' }
      statuses.push((await limited.call('POST', '/api/v1/auth/login', { key: null, headers, body })).status)
    }
    await limited.close()
    return statuses
  }

  test('unless that is a proxy which the configuration names', async () => {
    expect(await attempts({})).toEqual([401, 401, 429, 429])
    expect(await attempts({ HEARTH_TRUSTED_PROXIES: '192.0.2.1' })).toEqual([401, 401, 429, 429])
    expect(await attempts({ HEARTH_TRUSTED_PROXIES: '127.0.0.0/8' })).toEqual([401, 401, 401, 401])
  })
})
