import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { linkToken } from '../../src/people/sessions.js'
import { firstAdministrator } from '../../src/people/users.js'
import { admin } from '../helper.js'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

async function link(): Promise<string> {
  const { db } = opened.hub.hub.store
  return `/#sign-in=${await linkToken(db, (await firstAdministrator(db)).id)}`
}

test('a link of the hub’s terminal signs in, is not left in the address, and is refused the second time', async () => {
  const path = await link()
  const { page, complaints, context } = await opened.visit(path, { signedIn: false })
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  expect(new URL(page.url()).hash).toBe('')
  await page.reload()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  expect(complaints).toEqual([])
  await context.close()
  const second = await opened.visit(path, { signedIn: false })
  await second.page.getByText('This link was used already, or is too old.').waitFor()
  await signIn(second.page)
  await second.page.getByRole('button', { name: 'Sign out' }).waitFor()
  await second.context.close()
})

test('a link that is pasted where the page is open signs in, and one into a session of somebody else does not', async () => {
  const { page, context } = await opened.visit('/', { signedIn: false })
  const heading = page.getByRole('heading', { name: 'Sign in' })
  await heading.waitFor()
  const { email, password } = admin
  const { refresh_token } = await opened.hub.client.call('POST /auth/login', { body: { email, password } })
  await page.goto(`/#sign-in=${refresh_token}`)
  expect(await heading.isVisible()).toBe(true)
  await page.goto(await link())
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await context.close()
})

test('whoever is signed in stays so, and a session of a hub that is no longer there gives way', async () => {
  const { page, context } = await opened.visit('/')
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  const kept = () => page.evaluate<string | null>(`localStorage.getItem('hearth.session')`)
  const before = (await kept()) ?? ''
  await page.goto(await link())
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  expect(await kept()).toBe(before)
  const spoilt = JSON.stringify({ ...JSON.parse(before), access_token: 'spoilt', refresh_token: 'spoilt' })
  await page.evaluate(`localStorage.setItem('hearth.session', ${JSON.stringify(spoilt)})`)
  await page.goto('about:blank')
  await page.goto(await link())
  // Until the hub has said that it does not know it, the page goes by the session that was kept.
  await vi.waitFor(async () => expect(JSON.parse((await kept()) ?? '{}').access_token).toMatch(/^ey/), 20_000)
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await context.close()
})
