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

test('staff find what staff may read under More, and read it', async () => {
  const clerk = { email: 'clerk@example.org', username: 'clerk', password: 'correct horse battery' }
  await opened.hub.client.call('POST /users', { body: { ...clerk, role: 'staff' } })
  const { page, complaints, context } = await opened.visit('/settings', { signedIn: false })
  await signIn(page, clerk)
  const here = page.getByRole('navigation', { name: 'The hub' })
  for (const [name, shown] of [
    ['Operations', page.getByRole('region', { name: 'Storage' })],
    ['Quarantine', page.getByText('Every message was understood.')],
    ['Audit', page.getByRole('listitem').filter({ hasText: 'session.begin' }).first()],
  ] as const) {
    await here.getByRole('link', { name }).click()
    await shown.waitFor()
    await page.getByRole('link', { name: 'More' }).click()
  }
  await here.waitFor()
  expect(await page.getByRole('link', { name: 'Service tokens' }).count()).toBe(0)
  expect(complaints).toEqual([])
  await context.close()
})

test('somebody sees where they are signed in, and signs out there', async () => {
  const ann = { email: 'ann@example.org', username: 'ann', password: 'correct horse battery' }
  await opened.hub.client.call('POST /users', { body: ann })
  const forgotten = await opened.visit('/', { signedIn: false })
  await signIn(forgotten.page, ann)
  await forgotten.page.getByText('You belong to no home yet.').waitFor()
  const { page, complaints, context } = await opened.visit('/account', { signedIn: false })
  await signIn(page, ann)
  const sessions = page.getByRole('region', { name: 'Where you are signed in' })
  const lines = sessions.getByRole('listitem')
  await lines.filter({ hasText: 'This one' }).getByText('Chrome on Linux').waitFor()
  expect(await lines.count()).toBe(2)
  await sessions.getByRole('button', { name: /^Sign out Chrome on Linux, 127\.0\.0\.1/ }).click()
  await forgotten.page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await lines.count()).toBe(1)

  await forgotten.page.reload()
  await signIn(forgotten.page, ann)
  await forgotten.page.getByText('You belong to no home yet.').waitFor()
  await page.reload()
  await sessions.getByRole('button', { name: 'Sign out everywhere else' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere else' }).click()
  await sessions.getByText('One other session has ended.').waitFor()
  await forgotten.page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(complaints).toEqual([])
  for (const one of [forgotten.context, context]) await one.close()
})
