import { afterAll, beforeAll, expect, test } from 'vitest'
import { isFor, places } from '../../src/console/state/places.js'
import { type Started, startApi } from '../api/harness.js'

/** What each place reads before all else, or is there to make. */
const asks: Readonly<Record<string, string>> = {
  '/add-device': 'POST /devices',
  '/add-home': 'POST /homes',
  '/groups': 'GET /groups',
  '/rules': 'GET /alert-rules',
  '/contacts': 'GET /settings/contacts',
  '/recordings': 'GET /ingest',
  '/detectors': 'GET /model-config',
  '/people': 'GET /homes/:id/members',
  '/account': 'GET /users/me',
  '/tokens': 'GET /tokens',
  '/operations': 'GET /ops/overview',
  '/quarantine': 'GET /ops/quarantine',
  '/audit': 'GET /ops/audit',
  '/topics': 'GET /assignments',
}

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

test('a place is for those who may do what it is for, and for nobody else', () => {
  const declared = new Map(
    hub.api.declared.map(({ method, url, who }) => [`${method} ${url.replace('/api/v1', '')}`, who]),
  )
  const expected = places.map(({ path }) => {
    const who = declared.get(asks[path] ?? '')
    return [path, who && !['owner', 'staff', 'admin'].includes(who) ? 'anyone' : who]
  })
  expect(places.map(({ path, who }) => [path, who])).toEqual(expected)
})

test('staff go where staff may, administrators everywhere, owners where something is changed', () => {
  const open = (role: 'user' | 'staff' | 'admin', isOwner = true) =>
    places.filter(place => isFor(place, role, isOwner)).map(({ path }) => path)
  const all = places.map(({ path }) => path)
  expect(open('admin')).toEqual(all)
  expect(open('staff')).toEqual(all.filter(path => path !== '/tokens'))
  expect(open('user')).toEqual(all.filter(path => !['/tokens', '/operations', '/quarantine', '/audit'].includes(path)))
  const owners = ['/add-device', '/contacts', '/detectors']
  expect(open('user', false)).toEqual(open('user').filter(path => !owners.includes(path)))
})
