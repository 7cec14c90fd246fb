import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { signAccessToken, verifyAccessToken } from '../../src/people/access-tokens.js'
import { openSigningKeys } from '../../src/people/signing-keys.js'

test('the signing key is made once, by whoever comes first, for its owner alone; tokens of one run hold in the next', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const keys = await Promise.all(Array.from({ length: 10 }, () => openSigningKeys(folder)))
  expect(new Set(keys.map(({ current }) => current.kid)).size).toBe(1)
  expect(await readdir(folder)).toEqual(['signing-keys.json'])
  expect((await stat(join(folder, 'signing-keys.json'))).mode & 0o777).toBe(0o600)

  const [first, other] = [keys[0], await openSigningKeys(join(folder, 'other'))]
  if (!first) throw new Error('no key')
  const token = await signAccessToken(first.current, { user_id: 'u1', session_id: 's1', token_version: 3 })
  expect(await verifyAccessToken(await openSigningKeys(folder), token)).toMatchObject({ sub: 'u1', sid: 's1', ver: 3 })
  await expect(verifyAccessToken(other, token)).rejects.toMatchObject({ code: 'unauthorized' })
})

test('a new key signs from then on, and what the old one signed is good until it ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const keys = await openSigningKeys(folder)
  const who = { user_id: 'u1', session_id: 's1', token_version: 0 }
  const before = await signAccessToken(keys.current, who)
  const kid = await keys.rotate(Date.now())
  expect(keys.current.kid).toBe(kid)
  const after = await signAccessToken(keys.current, who)
  const again = await openSigningKeys(folder)
  for (const token of [before, after]) expect(await verifyAccessToken(again, token)).toMatchObject({ sub: 'u1' })
  expect((await stat(join(folder, 'signing-keys.json'))).mode & 0o777).toBe(0o600)
  await again.rotate(Date.now() + 2 * 86_400_000)
  await again.rotate(Date.now() + 4 * 86_400_000)
  await expect(verifyAccessToken(again, before)).rejects.toMatchObject({ code: 'unauthorized' })
})

test('of rotations at once none forgets the key of another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const keys = await openSigningKeys(folder)
  const kids = await Promise.all(Array.from({ length: 6 }, () => keys.rotate(Date.now())))
  const again = await openSigningKeys(folder)
  for (const kid of kids) expect(again.find(kid)?.kid).toBe(kid)
})
