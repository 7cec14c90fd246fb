import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { openSeal } from '../../src/notifications/seal.js'
import { come, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

test('secrets are shown once, or never, and are in no answer, log, metric or file that can be read without the key (C12)', async () => {
  const [{ contact, client, hub, raise, told }, receiver] = await Promise.all([startNotifying(), startReceiver()])
  const token = 'tk_acanarytokenofmyown'
  const url = `${receiver.url}a-secret-path`
  const { contact: hook, secret } = await contact('hook', { kind: 'webhook', url })
  const { secret: none } = await contact('phone', { kind: 'ntfy', server: receiver.url, topic: 'home', token })
  expect([typeof secret, none]).toEqual(['string', null])
  const { secret: second } = await client.post<{ secret: string }>(`/settings/contacts/${hook.id}/secret`)
  receiver.answer = (_, response) => void response.writeHead(500).end()
  const { id } = await raise()
  await come(receiver.received, 2)
  await client.post(`/settings/contacts/${hook.id}/test`)
  await told(id)
  const paths = ['/settings/contacts', '/ops/notifications?status=pending', '/ops/audit', `/alerts/${id}/notifications`]
  const answers = await Promise.all(paths.map(path => client.get<object>(path)))
  const metrics = await (await fetch(`${hub.http_url}/metrics`)).text()
  await hub.hub.close()
  const files = (await readdir(hub.data_dir)).filter(name => name.startsWith('hearth.db'))
  const stored = await Promise.all(files.map(name => readFile(join(hub.data_dir, name), 'latin1')))
  const places = { answers: JSON.stringify(answers), metrics, log: hub.logged.join('\n'), stored: stored.join('') }
  for (const [place, text] of Object.entries(places)) {
    for (const word of [token, secret, second]) expect([place, text.includes(String(word))]).toEqual([place, false])
    // An address may be a secret; who owns the home sees it, and the database has to hold it.
    if (place === 'metrics' || place === 'log') expect([place, text.includes('a-secret-path')]).toEqual([place, false])
  }
  expect(JSON.stringify(answers.slice(1))).not.toContain('a-secret-path')
})

test('a webhook with another secret is signed with that', async () => {
  const [{ contact, client }, receiver] = await Promise.all([startNotifying(), startReceiver()])
  const { contact: hook, secret: first } = await contact('hook', { kind: 'webhook', url: receiver.url })
  const { secret } = await client.post<{ secret: string }>(`/settings/contacts/${hook.id}/secret`)
  await client.post(`/settings/contacts/${hook.id}/test`)
  const [one] = receiver.received
  const verify = (key: string) => new Webhook(key).verify(one?.body ?? '', one?.headers as Record<string, string>)
  expect(() => verify(String(first))).toThrow()
  expect(verify(secret)).toMatchObject({ type: 'test' })
})

test.each([
  ['no http', { kind: 'webhook', url: 'ftp://example.org/' }],
  ['a password in the address', { kind: 'webhook', url: 'https://me:word@example.org/' }],
  ['a topic that is a path', { kind: 'ntfy', server: 'https://ntfy.sh', topic: '../x' }],
  ['a token with a line break', { kind: 'ntfy', server: 'https://ntfy.sh', topic: 'x', token: 'a\r\nb' }],
  ['what is of another kind', { kind: 'ntfy', server: 'https://ntfy.sh', topic: 'x', url: 'https://example.org' }],
  ['a home that is not there', { kind: 'webhook', url: 'https://example.org', home_id: 'nowhere' }],
  ['a secret of one’s own', { kind: 'webhook', url: 'https://example.org', sealed: 'x' }],
])('a contact with %s is refused', async (_, where) => {
  const { contact } = await startNotifying()
  await expect(contact('x', where)).rejects.toMatchObject({ code: expect.stringMatching(/invalid_request|not_found/) })
})

test('an address that is left out is missing, and one that is none is told so', async () => {
  const { contact } = await startNotifying()
  await expect(contact('x', { kind: 'webhook' })).rejects.toMatchObject({ details: ['body/url: is missing'] })
  const wrong = contact('x', { kind: 'webhook', url: 'example.org' })
  await expect(wrong).rejects.toMatchObject({ details: ['body/url: is no http or https address'] })
})

test('a contact is changed within its kind', async () => {
  const { contact, client } = await startNotifying()
  const { contact: made } = await contact('x', { kind: 'webhook', url: 'https://example.org/' })
  const change = (changes: object) => client.patch<{ contact: object }>(`/settings/contacts/${made.id}`, changes)
  expect(await change({ name: 'y', url: 'https://example.com/' })).toMatchObject({
    contact: { name: 'y', url: 'https://example.com/', kind: 'webhook' },
  })
  await expect(change({ address: 'me@example.org' })).rejects.toMatchObject({ code: 'invalid_request' })
})

test('a policy names only contacts of its home, in the order of its steps', async () => {
  const { contact, client, policy } = await startNotifying()
  await client.post('/homes', { id: 'other', name: 'other' })
  const { contact: foreign } = await contact('x', { kind: 'webhook', url: 'https://example.org/', home_id: 'other' })
  const refused = { code: 'invalid_request' }
  await expect(policy({ steps: [{ after_seconds: 0, contact_ids: [foreign.id] }] })).rejects.toMatchObject(refused)
  await expect(policy({ steps: [{ after_seconds: 5 }, { after_seconds: 1 }] })).rejects.toMatchObject(refused)
  await expect(policy({ quiet_hours: { from: '07:00', to: '07:00' } })).rejects.toMatchObject(refused)
  await expect(policy({ quiet_hours: { from: '25:00', to: '07:00' } })).rejects.toMatchObject(refused)
  const { policies } = await client.get<{ policies: object[] }>('/settings/policies?home_id=home')
  expect(policies).toMatchObject([{ home_id: 'home', updated_at: null, close_after_days: 7 }])
})

test('what was sealed is opened with the same key alone, and not when it was changed', async () => {
  const { hub } = await startNotifying()
  const seal = await openSeal(hub.data_dir)
  const sealed = seal.seal('word')
  expect([sealed.includes('word'), seal.open(sealed), (await openSeal(hub.data_dir)).open(sealed)]).toEqual([
    false,
    'word',
    'word',
  ])
  const changed = Buffer.from(sealed, 'base64url')
  changed[13] = (changed[13] ?? 0) ^ 1
  expect(() => seal.open(changed.toString('base64url'))).toThrow()
})
