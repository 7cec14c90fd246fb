import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

const guest = { email: 'guest@example.org', username: 'guest', password: 'correct horse battery' }

test('somebody who is made a member sees that home, changes nothing of it, and nothing when taken out', async () => {
  const { client } = opened.hub
  await client.call('POST /homes', { body: { id: 'cabin', name: 'Cabin' } })
  for (const [id, home_id] of [
    ['stove', 'cabin'],
    ['vault', 'home'],
  ] as const)
    await client.call('POST /devices', { body: { id, name: `The ${id}`, home_id } })
  const { page, complaints, context } = await opened.visit('/people')
  const account = page.getByRole('form', { name: 'A new account' })
  await account.getByLabel('User name').fill(guest.username)
  await account.getByLabel('E-mail').fill(guest.email)
  await account.getByLabel(/^First password/).fill(guest.password)
  await account.getByRole('button', { name: 'Make the account' }).click()
  await page.getByText('The account of guest is there.').waitFor()
  await page.getByRole('combobox', { name: 'Home', exact: true }).selectOption('cabin')
  const members = page.getByRole('region', { name: 'Members of Cabin' })
  await members.getByLabel(/^User name or e-mail/).fill('nobody')
  await members.getByRole('button', { name: 'Add to this home' }).click()
  await members.getByText('No such user.').waitFor()
  await members.getByLabel(/^User name or e-mail/).fill(guest.username)
  await members.getByRole('button', { name: 'Add to this home' }).click()
  await members.getByLabel('Role of guest').waitFor()

  const theirs = await opened.visit('/', { signedIn: false })
  await signIn(theirs.page, guest)
  await theirs.page.getByRole('link', { name: 'The stove' }).waitFor()
  expect(await theirs.page.getByRole('link', { name: 'The vault' }).count()).toBe(0)
  await theirs.page.goto('/people')
  await theirs.page.getByText('That is you').waitFor()
  expect(await theirs.page.getByRole('button', { name: 'Add to this home' }).count()).toBe(0)
  expect(await theirs.page.getByRole('heading', { name: 'Everybody with an account' }).count()).toBe(0)
  await theirs.page.goto('/tokens')
  await theirs.page.getByText('Only those who run this hub may see this.').waitFor()

  await members.getByLabel('Role of guest').selectOption('technician')
  await members.getByRole('button', { name: 'Save the role of guest' }).click()
  await members.getByRole('button', { name: 'Save the role of guest' }).waitFor({ state: 'detached' })
  await members.getByRole('button', { name: 'Remove guest' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await members.getByLabel('Role of guest').waitFor({ state: 'detached' })
  await theirs.page.goto('/')
  await theirs.page.getByText('You belong to no home yet.').waitFor()
  expect([...complaints, ...theirs.complaints]).toEqual([])
  await theirs.context.close()
  await context.close()
}, 60_000)

test('a service token is told once, and revoked', async () => {
  const { page, complaints, context } = await opened.visit('/tokens')
  const form = page.getByRole('form', { name: 'A new token' })
  await form.getByLabel('Name of the program').fill('Node-RED')
  await form.getByLabel(/^Hears/).fill('homes/home/#\nno/#/filter')
  await form.getByRole('button', { name: 'Make the token' }).click()
  await form.getByText(/is no topic filter/).waitFor()
  await form.getByLabel(/^Hears/).fill('homes/home/#')
  await form.getByRole('button', { name: 'Make the token' }).click()
  expect(await page.getByRole('figure', { name: 'Secret of Node-RED' }).locator('code').innerText()).toMatch(/^hs_/)
  const token = page.getByRole('listitem').filter({ hasText: 'Node-RED' })
  await token.getByText('In force').waitFor()
  await token.getByRole('button', { name: 'Revoke Node-RED' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await token.getByText('Revoked', { exact: true }).waitFor()
  expect(complaints).toEqual([])
  await context.close()
})

test('a new password ends the other sessions, and this one goes on', async () => {
  const { client } = opened.hub
  const owner = { email: 'owner@example.org', username: 'owner', password: 'correct horse battery' }
  await client.call('POST /users', { body: owner })
  const elsewhere = await opened.visit('/', { signedIn: false })
  await signIn(elsewhere.page, owner)
  await elsewhere.page.getByText('You belong to no home yet.').waitFor()
  const { page, context } = await opened.visit('/account', { signedIn: false })
  await signIn(page, owner)
  const form = page.getByRole('form', { name: 'Password' })
  await form.getByLabel('Current password').fill('not the password')
  await form.getByLabel('New password').fill('another horse battery')
  await form.getByRole('button', { name: 'Change my password' }).click()
  await form.getByText('The current password is wrong.').waitFor()
  await form.getByLabel('Current password').fill(owner.password)
  await form.getByRole('button', { name: 'Change my password' }).click()
  await page.getByText('Your password is changed, and your other sessions have ended.').waitFor()
  const names = page.getByRole('form', { name: 'Name and e-mail' })
  await names.getByLabel('User name').fill('keeper')
  await names.getByLabel('Current password').fill('another horse battery')
  await names.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('banner').getByText('keeper').waitFor()
  await elsewhere.page.reload()
  await elsewhere.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await elsewhere.context.close()
  await context.close()
}, 60_000)

test('somebody who looks on sees a home as soon as it is theirs, hears what happens there, and loses it again', async () => {
  const { client } = opened.hub
  const friend = { email: 'friend@example.org', username: 'friend', password: 'correct horse battery' }
  const { user } = await client.call('POST /users', { body: friend })
  await client.call('POST /homes', { body: { id: 'barn', name: 'Barn' } })
  const plough = await opened.hub.connect(
    'plough',
    await opened.hub.device('plough', { home_id: 'barn', name: 'Plough' }),
  )
  const { page, complaints, context } = await opened.visit('/', { signedIn: false })
  await signIn(page, friend)
  const none = page.getByText('You belong to no home yet.')
  await none.waitFor()
  const params = { id: 'barn', user_id: user.id }
  await client.call('PUT /homes/{id}/members/{user_id}', { params, body: { role: 'member' } })
  await page.getByRole('link', { name: 'Plough' }).waitFor()
  await plough.publishAsync('devices/plough/telemetry', '{"depth":17.25}', { qos: 1 })
  await page.getByText('17.25').first().waitFor()
  await page.getByRole('link', { name: 'Plough' }).click()
  await page.getByRole('heading', { level: 1, name: 'Plough' }).waitFor()
  expect(await page.getByRole('region', { name: 'Settings of this device' }).count()).toBe(0)
  await client.call('PUT /homes/{id}/members/{user_id}', { params, body: { role: 'owner' } })
  await page.getByRole('region', { name: 'Settings of this device' }).waitFor()
  await page.getByRole('link', { name: 'Home', exact: true }).click()
  await client.call('DELETE /homes/{id}/members/{user_id}', { params })
  await none.waitFor()
  expect(complaints).toEqual([])
  await context.close()
})
