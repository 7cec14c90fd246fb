import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

test('two people see what each may see, and do what each may do', async () => {
  const { client } = opened.hub
  const reader = { email: 'reader@example.org', username: 'reader', password: 'correct horse battery' }
  await client.call('POST /users', { body: { ...reader, role: 'staff' } })
  const guest = { email: 'guest@example.org', username: 'guest', password: 'correct horse battery' }
  const { user } = await client.call('POST /users', { body: guest })
  await client.call('POST /homes', { body: { id: 'cabin', name: 'Cabin' } })
  await client.call('PUT /homes/{id}/members/{user_id}', {
    params: { id: 'cabin', user_id: user.id },
    body: { role: 'member' },
  })
  for (const [id, home_id] of [
    ['stove', 'cabin'],
    ['vault', 'home'],
  ] as const)
    await client.call('POST /devices', { body: { id, name: `The ${id}`, home_id } })
  await client.call('POST /alerts', { body: { device_id: 'stove', severity: 'minor', message: 'The stove is cold' } })
  const seen = async (person: typeof guest) => {
    const { page, context } = await opened.visit('/', { signedIn: false })
    await signIn(page, person)
    await page.getByText('The stove is cold', { exact: true }).waitFor()
    const devices = await page.getByRole('link', { name: /^The (stove|vault)$/ }).allTextContents()
    const buttons = await page.getByRole('button', { name: 'Acknowledge' }).count()
    await context.close()
    return [[...new Set(devices)].sort(), buttons]
  }
  expect(await seen(guest)).toEqual([['The stove'], 1])
  expect(await seen(reader)).toEqual([['The stove', 'The vault'], 0])
})
