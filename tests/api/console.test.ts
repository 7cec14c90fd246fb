import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const visit = (path: string, headers: Record<string, string> = {}) =>
  hub.call('GET', path, { key: null, headers: { accept: 'text/html,*/*;q=0.8', ...headers } })

/** What the hub sends, not yet unpacked, of a path that no client has tidied up. */
const asSent = (path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number | undefined; encoding: string | undefined }>((resolve, reject) => {
    const { hostname, port } = new URL(hub.url)
    request({ hostname, port, path, headers }, answer => {
      answer
        .resume()
        .on('end', () => resolve({ status: answer.statusCode, encoding: answer.headers['content-encoding'] }))
    })
      .on('error', reject)
      .end()
  })

const assets = async () => [...String((await visit('/')).body).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)]

describe('the console', () => {
  test('is one page for every address that a browser visits, which is asked for anew each time', async () => {
    for (const path of ['/', '/devices/door', '/alerts?open']) {
      const { status, headers, body } = await visit(path)
      expect([path, status]).toEqual([path, 200])
      expect(headers.get('content-type')).toContain('text/html')
      expect(headers.get('cache-control')).toBe('no-cache')
      expect(headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(String(body)).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/)
    }
  })

  test('loads files that never change, packed', async () => {
    const found = await assets()
    expect(found.length).toBeGreaterThanOrEqual(3)
    for (const [, path = ''] of found) {
      const { status, headers } = await visit(path)
      expect([path, status]).toEqual([path, 200])
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    }
    const script = found.map(([, path = '']) => path).find(path => path.endsWith('.js')) ?? ''
    expect(await asSent(script, { 'accept-encoding': 'gzip, br' })).toEqual({ status: 200, encoding: 'br' })
    expect(await asSent(script, { 'accept-encoding': 'gzip' })).toEqual({ status: 200, encoding: 'gzip' })
    expect(await asSent(script)).toEqual({ status: 200, encoding: undefined })
  })

  test('takes nothing from the API: what is not there is told in JSON, and methods are refused', async () => {
    for (const path of ['/api/v1/nowhere', '/api', '/docs/nowhere', '/assets/nowhere.js', '/mqtt'])
      expect([path, await visit(path)]).toMatchObject([path, { status: 404, body: { error: 'not_found' } }])
    const asProgram = { accept: 'application/json' }
    expect(await visit('/nowhere', asProgram)).toMatchObject({ status: 404, body: { error: 'not_found' } })
    expect(await hub.call('POST', '/nowhere', { key: null, body: {} })).toMatchObject({ status: 404 })
    expect(await hub.call('POST', '/', { key: null, body: {} })).toMatchObject({ status: 405 })
  })

  test('gives no file beside its own', async () => {
    for (const path of [
      '/assets/../index.html',
      '/assets/..%2f..%2fpackage.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets//etc/passwd',
      '/assets/%00',
      '/assets/.%2findex.html',
    ])
      expect([path, (await asSent(path)).status]).toEqual([path, 404])
  })
})
