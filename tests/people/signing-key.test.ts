import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { authenticateToken, openSigningKey, signAccessToken } from '../../src/people/tokens.js'

test('the signing key is made once, by whoever comes first, for its owner alone; tokens of one run hold in the next', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const keys = await Promise.all(Array.from({ length: 10 }, () => openSigningKey(folder)))
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
  expect(await readdir(folder)).toEqual(['signing-key.json'])
  expect((await stat(join(folder, 'signing-key.json'))).mode & 0o777).toBe(0o600)

  const [first, other] = [keys[0], await openSigningKey(join(folder, 'other'))]
  if (!first) throw new Error('no key')
  const token = await signAccessToken(first, { id: 'u1', role: 'admin' })
  expect(await authenticateToken(await openSigningKey(folder), token)).toMatchObject({
    kind: 'person',
    id: 'u1',
    role: 'admin',
  })
  await expect(authenticateToken(other, token)).rejects.toMatchObject({ code: 'unauthorized' })
})
