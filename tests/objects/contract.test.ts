import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDisk } from '../../src/objects/disk.js'
import type { Objects, OwnObjects, SignedRequest } from '../../src/objects/objects.js'
import { S3Objects } from '../../src/objects/s3.js'
import { openSigningKeys } from '../../src/people/signing-keys.js'

interface Opened {
  readonly objects: Objects
  /** The address of a signed request, as it can be fetched. */
  absolute(request: SignedRequest): string
  close(): Promise<unknown>
}

/** The hub's own objects behind the smallest server that can put and give them. */
async function onDisk(): Promise<Opened> {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-objects-'))
  const keys = await openSigningKeys(data_dir)
  const objects = await openDisk({ folder: join(data_dir, 'objects'), keys, reserve: 0 })
  const server = createServer((request, response) => {
    serve(objects, request.method ?? '', new URL(request.url ?? '', 'http://x'), request).then(
      answer => (answer ? answer.pipe(response) : response.end()),
      () => response.writeHead(403).end(),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.close()
    await rm(data_dir, { recursive: true, force: true })
  }
  return { objects, absolute: ({ url }) => origin + url, close }
}

async function serve(
  objects: OwnObjects,
  method: string,
  { pathname, searchParams }: URL,
  body: AsyncIterable<Buffer>,
) {
  const text = Object.fromEntries(searchParams) as Record<'type' | 'kid' | 'signature', string>
  const query = { ...text, expires: Number(searchParams.get('expires')), bytes: Number(searchParams.get('bytes')) }
  const key = pathname.split('/').slice(-2).join('/')
  objects.verify({ method, key, query }, Date.now())
  if (method === 'GET') return (await objects.open(key))?.stream ?? null
  await objects.put({ key, content_type: query.type, bytes: query.bytes }, body)
  return null
}

async function inS3(): Promise<Opened> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-s3-'))
  const configureBuckets = [{ name: 'sounds', configs: [] }]
  const server = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets })
  const { port } = await server.run()
  const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
  const endpoint = `http://127.0.0.1:${port}`
  const objects = new S3Objects({ bucket: 'sounds', region: 'us-east-1', endpoint, credentials })
  const close = async () => {
    await server.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { objects, absolute: ({ url }) => url, close }
}

describe.each([
  ['on the disk', onDisk],
  ['in S3', inS3],
] as const)('objects %s', (_, open) => {
  let opened: Opened
  const sound = Buffer.from('RIFF and so on')
  const wanted = (name: string) => ({ key: `recordings/${name}`, content_type: 'audio/wav', bytes: sound.length })
  const soon = () => Date.now() + 60_000
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(() => opened.close())

  async function put(name: string, body = sound): Promise<boolean> {
    const request = await opened.objects.signPut(wanted(name), soon())
    const { method, headers } = request
    return (await fetch(opened.absolute(request), { method, headers, body })).ok
  }

  test('are put and fetched with addresses that need no other credential', async () => {
    expect(await opened.objects.size('recordings/a')).toBeNull()
    expect(await put('a')).toBe(true)
    expect(await opened.objects.size('recordings/a')).toBe(sound.length)
    expect((await opened.objects.head('recordings/a', 4)).toString()).toBe('RIFF')
    const get = await opened.objects.signGet('recordings/a', 'audio/wav', soon())
    const answer = await fetch(opened.absolute(get))
    expect(Buffer.from(await answer.arrayBuffer()).equals(sound)).toBe(true)
  })

  test('can be put again under the same address, and are then what came last', async () => {
    await put('twice', Buffer.from('RIFF and so oN'))
    await put('twice')
    const source = await opened.objects.source('recordings/twice')
    if ('url' in source) expect(await (await fetch(source.url)).text()).toBe(sound.toString())
    expect(await opened.objects.size('recordings/twice')).toBe(sound.length)
  })

  test('are listed, each with when it came, until they are deleted', async () => {
    await put('listed')
    const all = async () => {
      const found: { key: string; put_at: number }[] = []
      for await (const one of opened.objects.list('recordings/')) found.push(one)
      return found
    }
    const listed = (await all()).find(({ key }) => key === 'recordings/listed')
    expect(Math.abs((listed?.put_at ?? 0) - Date.now())).toBeLessThan(60_000)
    await opened.objects.delete('recordings/listed')
    await opened.objects.delete('recordings/listed')
    expect((await all()).map(({ key }) => key)).not.toContain('recordings/listed')
    expect(await opened.objects.size('recordings/listed')).toBeNull()
  })
})

// The server above looks at no signature of this kind: Amazon's does.
test('what may be put in S3 is signed with its type and length', async () => {
  const { objects, close } = await inS3()
  const { url } = await objects.signPut(
    { key: 'recordings/a', content_type: 'audio/wav', bytes: 5 },
    Date.now() + 60_000,
  )
  expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;content-type;host')
  await close()
})
