import { once } from 'node:events'
import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDisk } from '../../src/objects/disk.js'
import type { OwnObjects, SignedQuery } from '../../src/objects/objects.js'
import { openSigningKeys, type SigningKeys } from '../../src/people/signing-keys.js'
import { until } from '../helper.js'
import { codeOf } from '../store/harness.js'

let data_dir: string
let keys: SigningKeys
let objects: OwnObjects
const folder = () => join(data_dir, 'objects')
const upload = { key: 'recordings/a', content_type: 'audio/wav', bytes: 3 }
const put = (bytes: string, wanted = upload) => codeOf(objects.put(wanted, Readable.from([Buffer.from(bytes)])))

beforeAll(async () => {
  data_dir = await mkdtemp(join(tmpdir(), 'hearth-disk-'))
  keys = await openSigningKeys(data_dir)
  objects = await openDisk({ folder: folder(), keys, reserve: 0 })
})
afterAll(() => rm(data_dir, { recursive: true, force: true }))

describe('a signed address', () => {
  const now = Date.now()
  type Asked = { method: string; key: string; query: SignedQuery }
  const signed = async (): Promise<Asked> => {
    const { url } = await objects.signPut(upload, now + 60_000)
    const query = Object.fromEntries(new URL(url, 'http://x').searchParams) as Record<keyof SignedQuery, string>
    return {
      method: 'PUT',
      key: upload.key,
      query: { ...query, expires: Number(query.expires), bytes: Number(query.bytes) },
    }
  }
  const codeFor = async (change: (asked: Asked) => Asked, at = now) => {
    try {
      objects.verify(change(await signed()), at)
      return null
    } catch (error) {
      return codeOf(Promise.reject(error))
    }
  }
  const query = (more: Partial<SignedQuery>) => (asked: Asked) => ({ ...asked, query: { ...asked.query, ...more } })

  test('is good for what it was signed for', async () => {
    expect(await codeFor(asked => asked)).toBeNull()
  })

  test.each<[string, (asked: Asked) => Asked]>([
    ['another method', asked => ({ ...asked, method: 'GET' })],
    ['another object', asked => ({ ...asked, key: 'recordings/b' })],
    ['another type', query({ type: 'text/html' })],
    ['another length', query({ bytes: 4 })],
    ['a later end', query({ expires: now + 120_000 })],
    ['another signature', query({ signature: 'A'.repeat(43) })],
    ['none', query({ signature: '' })],
    ['a key that nobody knows', query({ kid: 'x' })],
  ])('is refused for %s', async (_, change) => {
    expect(await codeFor(change)).toBe('forbidden')
  })

  test('ends', async () => {
    expect(await codeFor(asked => asked, now + 60_001)).toBe('forbidden')
  })

  test('stays good when the key that signs is exchanged', async () => {
    const before = await signed()
    await keys.rotate(Date.now())
    expect(() => objects.verify(before, now)).not.toThrow()
  })
})

test.each([
  '../a',
  'recordings/../../a',
  '/etc/passwd',
  'recordings/a/b',
  'recordings/.a',
  '.drafts/a',
  'recordings/',
  'a',
  'recordings/a\0',
  '',
])('no way leads out of the folder: %j', async key => {
  expect(await put('abc', { ...upload, key })).toBe('not_found')
  expect(await codeOf(objects.open(key))).toBe('not_found')
  expect(await codeOf(objects.size(key))).toBe('not_found')
  expect(await codeOf(objects.delete(key))).toBe('not_found')
  expect((await readdir(data_dir)).sort()).toEqual(['objects', 'signing-keys.json'])
})

test('what is shorter or longer than was said is not kept, and leaves what was there', async () => {
  expect(await put('abc')).toBeNull()
  expect(await put('ab')).toBe('invalid_request')
  expect(await put('abcd')).toBe('invalid_request')
  expect((await objects.head(upload.key, 10)).toString()).toBe('abc')
  expect(await readdir(join(folder(), '.drafts'))).toEqual([])
})

test('what breaks off on its way leaves nothing', async () => {
  async function* broken() {
    yield Buffer.from('a')
    throw new Error('gone')
  }
  await expect(objects.put({ ...upload, key: 'recordings/broken' }, broken())).rejects.toThrow('gone')
  expect(await objects.size('recordings/broken')).toBeNull()
  expect(await readdir(join(folder(), '.drafts'))).toEqual([])
})

test('where less would stay free than must, nothing more is kept', async () => {
  const full = await openDisk({ folder: folder(), keys, reserve: Number.MAX_SAFE_INTEGER })
  expect(await codeOf(full.put({ ...upload, key: 'recordings/full' }, Readable.from([Buffer.from('abc')])))).toBe(
    'storage_unavailable',
  )
})

/** Comes in two halves, the second when it is asked for. */
function halting(bytes: number) {
  const going = new AbortController()
  async function* pieces() {
    yield Buffer.alloc(bytes)
    await once(going.signal, 'abort')
    yield Buffer.alloc(bytes)
  }
  return { pieces: pieces(), goOn: () => going.abort() }
}

test('of what comes several times at once the last is taken, and nothing is left of the others', async () => {
  const wanted = { ...upload, key: 'recordings/twice', bytes: 2 }
  const former = [1, 2, 3].map(() => codeOf(objects.put(wanted, halting(1).pieces)))
  await until(async () => (await readdir(join(folder(), '.drafts'))).length === 1)
  expect(await put('ab', wanted)).toBeNull()
  expect(await Promise.all(former)).toEqual(['conflict', 'conflict', 'conflict'])
  expect((await objects.head(wanted.key, 10)).toString()).toBe('ab')
  expect(await readdir(join(folder(), '.drafts'))).toEqual([])
})

test('what is on its way counts as taken from the disk', async () => {
  const { bavail, bsize } = await statfs(folder())
  const most = Math.floor((bavail * bsize) / 2)
  const own = await openDisk({ folder: join(data_dir, 'reserved'), keys, reserve: most })
  const large = Math.ceil(most * 0.75)
  const { pieces, goOn } = halting(1)
  const first = codeOf(own.put({ ...upload, key: 'recordings/first', bytes: large }, pieces))
  await until(async () => (await readdir(join(data_dir, 'reserved', '.drafts'))).length === 1)
  const second = { ...upload, key: 'recordings/second', bytes: large }
  expect(await codeOf(own.put(second, Readable.from([Buffer.from('abc')])))).toBe('storage_unavailable')
  goOn()
  expect(await first).toBe('invalid_request')
  expect(await codeOf(own.put(second, Readable.from([Buffer.from('abc')])))).toBe('invalid_request')
})
