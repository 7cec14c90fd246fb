import { afterAll, beforeAll, expect, test } from 'vitest'
import { isFor, places } from '../../src/console/state/places.js'
import { type Started, startApi } from '../api/harness.js'

/** What each place reads before all else. */
const reads: Readonly<Record<string, string>> = {
  '/add-device': '/homes',
  '/groups': '/groups',
  '/rules': '/alert-rules',
  '/contacts': '/settings/contacts',
  '/recordings': '/ingest',
  '/detectors': '/model-config',
  '/people': '/homes/:id/members',
  '/account': '/users/me',
  '/tokens': '/tokens',
  '/operations': '/ops/overview',
  '/quarantine': '/ops/quarantine',
  '/audit': '/ops/audit',
  '/topics': '/assignments',
}

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

test('a place is for those who may read what it shows, and for nobody else', () => {
  const declared = new Map(
    hub.api.declared.flatMap(({ method, url, who }) => (method === 'GET' ? [[url.replace('/api/v1', ''), who]] : [])),
  )
  const expected = places.map(({ path }) => {
    const who = declared.get(reads[path] ?? '')
    return [path, who === 'staff' || who === 'admin' ? who : who && 'anyone']
  })
  expect(places.map(({ path, who }) => [path, who])).toEqual(expected)
})

test('staff go where staff may, administrators everywhere', () => {
  const open = (role: 'user' | 'staff' | 'admin') => places.filter(place => isFor(place, role)).map(({ path }) => path)
  const all = places.map(({ path }) => path)
  expect(open('admin')).toEqual(all)
  expect(open('staff')).toEqual(all.filter(path => path !== '/tokens'))
  expect(open('user')).toEqual(all.filter(path => !['/tokens', '/operations', '/quarantine', '/audit'].includes(path)))
})
