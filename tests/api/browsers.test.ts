import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

describe('browsers', () => {
  const preflight = (started: Started, origin: string) =>
    started.call('OPTIONS', '/api/v1/devices', {
      key: null,
      headers: { origin, 'access-control-request-method': 'PATCH' },
    })

  test('of no other origin are let in unless it is configured', async () => {
    const answer = await hub.call('GET', '/api/v1/devices', { headers: { origin: 'https://evil.example' } })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect((await preflight(hub, 'https://evil.example')).status).toBe(405)
  })

  test('of configured origins are let in, by exact match', async () => {
    const open = await startApi({ HEARTH_CORS_ORIGINS: 'https://home.example, http://localhost:5173' })
    const allowed = async (origin: string) => (await preflight(open, origin)).headers.get('access-control-allow-origin')
    expect(await allowed('https://home.example')).toBe('https://home.example')
    expect(await allowed('http://localhost:5173')).toBe('http://localhost:5173')
    for (const origin of [
      'null',
      'https://home.example.evil.example',
      'https://evilhome.example',
      'http://home.example',
      'https://home.example:444',
    ])
      expect(await allowed(origin), origin).toBeNull()
    const answer = await open.call('GET', '/api/v1/devices', { headers: { origin: 'https://home.example' } })
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    await open.close()
  })

  test('and what stands before them keep nothing of what the hub tells', async () => {
    for (const [path, key] of [
      ['/api/v1/devices', undefined],
      ['/api/v1/devices', null],
      ['/api/v1/devices/nobody', undefined],
      ['/health', null],
      ['/metrics', null],
    ] as const) {
      const { headers } = await hub.call('GET', path, key === null ? { key } : {})
      expect([path, headers.get('cache-control')]).toEqual([path, 'no-store'])
    }
  })

  test('are told to trust nothing but this origin, and are not sent to HTTPS', async () => {
    const { headers } = await hub.call('GET', '/health', { key: null })
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(headers.get('content-security-policy')).not.toMatch(/unsafe|upgrade-insecure/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('strict-transport-security')).toBeNull()
    expect(headers.get('x-powered-by')).toBeNull()
  })
})
