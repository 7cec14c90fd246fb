import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { presenceReasons } from '../../src/inbound.js'
import {
  alertTopic,
  deviceTopic,
  homeAlertsTopic,
  homeCommandsTopic,
  inbound,
  mountedTopic,
  outbound,
  ownHomesTopic,
  provisionRequest,
  provisionResponse,
} from '../../src/topics.js'
import { type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

type Json = Record<string, unknown>
interface Operation {
  operationId: string
  summary?: string
  security: Json[]
  parameters?: { in: string; name: string; required?: boolean; schema: Json }[]
  requestBody?: { content: Record<string, { schema: Json }> }
  responses: Record<string, { content?: Record<string, { schema: Json }> }>
}
interface Documented {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}

const document = async (path: string) => (await hub.call('GET', path, { key: null })).body

/** Every `$ref` in a document, with what it points at. */
function references(root: Json): [string, unknown][] {
  const found: [string, unknown][] = []
  JSON.stringify(root, (name, value) => {
    if (name === '$ref') {
      const steps = String(value).replace('#/', '').split('/')
      found.push([value, steps.reduce<unknown>((at, step) => (at as Json | undefined)?.[step], root)])
    }
    return value
  })
  return found
}

describe('/openapi.json', () => {
  test('has every route with a schema for each answer that succeeds, its parameters and who may use it', async () => {
    const { openapi, paths } = (await document('/openapi.json')) as Documented
    expect(openapi).toBe('3.1.0')
    const hidden = /^\/($|assets|docs|openapi\.json|asyncapi\.json)/
    const shown = hub.api.declared.filter(({ method, url }) => method !== 'HEAD' && !hidden.test(url))
    for (const { method, url, who } of shown) {
      const path = url.replaceAll(/:(\w+)/g, '{$1}')
      const operation = paths[path]?.[method.toLowerCase()]
      expect(operation, `${method} ${path}`).toBeDefined()
      if (!operation) continue
      expect(operation.summary, path).toBeTruthy()
      const success = Object.entries(operation.responses).filter(([status]) => /^2\d\d$/.test(status))
      expect(success.length, `${method} ${path}`).toBeGreaterThan(0)
      for (const [status, { content }] of success)
        expect(
          status === '204' || Object.values(content ?? {}).every(({ schema }) => schema),
          `${method} ${path}`,
        ).toBe(true)
      expect(operation.responses.default?.content?.['application/json']?.schema).toMatchObject({
        required: ['error', 'message', 'details'],
      })
      expect(operation.security).toEqual(who === 'anyone' ? [] : [who === 'device' ? { device: [] } : { person: [] }])
      const named = (operation.parameters ?? []).filter(parameter => parameter.in === 'path').map(({ name }) => name)
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
    const operations = Object.values(paths).flatMap(path => Object.values(path))
    expect(operations).toHaveLength(shown.length)
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  })

  test('points at nothing that is not there', async () => {
    for (const [ref, target] of references((await document('/openapi.json')) as Json)) expect(target, ref).toBeDefined()
  })

  test('refuses unknown fields in bodies, as the API does', async () => {
    const { paths } = (await document('/openapi.json')) as Documented
    const body = paths['/api/v1/devices']?.post?.requestBody?.content['application/json']?.schema
    expect(body).toMatchObject({ additionalProperties: false, required: ['name'] })
  })
})

describe('a range that may be left out', () => {
  test.each([
    ['/api/v1/telemetry/{id}/aggregated', '-1d'],
    ['/api/v1/telemetry/aggregated', '-1d'],
    ['/api/v1/devices/{id}/presence/uptime', '-30d'],
  ])('of %s says that it begins at %s and ends now', async (path, begins) => {
    const { paths } = (await document('/openapi.json')) as Documented
    const ofName = (wanted: string) => paths[path]?.get?.parameters?.find(({ name }) => name === wanted)
    expect(ofName('start_time')).toMatchObject({ required: false, schema: { default: begins } })
    expect(ofName('end_time')).toMatchObject({ required: false, schema: { default: 'now' } })
  })
})

describe('/asyncapi.json', () => {
  test('has every topic, as devices spell it and as everybody else does', async () => {
    const { asyncapi, channels } = (await document('/asyncapi.json')) as {
      asyncapi: string
      channels: Record<string, { address: string; parameters: Json; messages: Json }>
    }
    expect(asyncapi).toBe('3.0.0')
    const rests = [...inbound.filter(kind => kind !== 'alert'), 'alert/{key}', ...outbound]
    const wanted = rests.flatMap(rest => [deviceTopic('{id}', rest), mountedTopic('{home_id}', '{id}', rest)])
    const home = '{home_id}'
    const ofHome = [homeCommandsTopic(home), homeAlertsTopic(home), alertTopic(home, '{alert_id}')]
    const addresses = Object.values(channels).map(({ address }) => address)
    const ofPeople = [...ofHome, ownHomesTopic('{user_id}')]
    expect(addresses.sort()).toEqual([...wanted, ...ofPeople, provisionRequest, provisionResponse].sort())
    for (const { address, parameters } of Object.values(channels))
      expect(Object.keys(parameters)).toEqual([...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
  })

  test('points at nothing that is not there', async () => {
    const root = (await document('/asyncapi.json')) as Json
    const found = references(root)
    expect(found.length).toBeGreaterThan(50)
    for (const [ref, target] of found) expect(target, ref).toBeDefined()
  })
})

test('both documents name every reason of presence', async () => {
  const closed = JSON.stringify({ enum: presenceReasons }).slice(1, -1)
  for (const path of ['/openapi.json', '/asyncapi.json']) expect(JSON.stringify(await document(path))).toContain(closed)
})

describe('/docs', () => {
  test('is a page whose scripts and styles the policy allows', async () => {
    const page = await hub.call('GET', '/docs/', { key: null })
    const html = String(page.body)
    expect(page.status).toBe(200)
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/)
    expect(page.headers.get('content-security-policy')).toContain("style-src 'self' 'unsafe-inline'")
    for (const [, file] of html.matchAll(/(?:src|href)="\.\/([^"]+)"/g))
      expect((await hub.call('GET', `/docs/${file}`, { key: null })).status, file).toBe(200)
    expect((await hub.call('GET', '/docs', { key: null })).status).toBe(200)
  })
})
