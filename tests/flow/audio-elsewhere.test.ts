import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqsServer } from 'local-aws-sqs'
import S3rver from 's3rver'
import { expect, onTestFinished, test } from 'vitest'
import { wav } from '../audio/sound.js'
import { upload } from '../audio/uploading.js'
import { startHub, type TestHub, until } from '../helper.js'
import { freePort } from '../ports.js'

interface Read {
  readonly recording: {
    readonly status: string
    readonly result: { readonly detections: { readonly key: string }[] } | null
  }
  readonly download: { readonly url: string } | null
}

async function started(env: Record<string, string>): Promise<TestHub> {
  const hub = await startHub(env)
  onTestFinished(() => hub.close())
  return hub
}

const settled = (hub: TestHub, id: string) =>
  until(async () => {
    const read = await hub.client.get<Read>(`/ingest/${id}`)
    return read.recording.status === 'done' || read.recording.status === 'failed' ? read : null
  }, 20_000)

/** `hearth worker` in a process of its own. @returns what ends it, with what it logged */
function startWorker(url: string, token: string) {
  const cli = join(import.meta.dirname, '../../hearth/cli.js')
  const env = { ...process.env, HEARTH_WORKER_TOKEN: token, HEARTH_LOG_LEVEL: 'info' }
  const child = spawn(process.execPath, [cli, 'worker', '--url', url], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (log += text))
  const ended = once(child, 'close')
  return { child, log: () => log, ended }
}

test('a worker in another process listens to what a hub has no threads for, and ends when it is told to', async () => {
  const hub = await started({ HEARTH_AUDIO_WORKERS: '0' })
  const api_key = await hub.device('mic')
  const scopes = { publish: ['homes/#'], subscribe: ['homes/#'], api: 'write' }
  const { secret } = await hub.client.post<{ secret: string }>('/tokens', { name: 'ears', ...scopes })
  const { id: first } = await upload({ url: hub.http_url, api_key }, wav({ amplitude: 1 }))
  const worker = startWorker(hub.http_url, secret)
  onTestFinished(() => void worker.child.kill('SIGKILL'))
  expect(await settled(hub, first)).toMatchObject({ recording: { status: 'done', attempts: 1 } })
  const broken = Buffer.concat([Buffer.from('RIFF'), Buffer.alloc(100)])
  const { id: second } = await upload({ url: hub.http_url, api_key }, broken)
  expect(await settled(hub, second)).toMatchObject({ recording: { status: 'failed', error: { code: 'damaged' } } })
  worker.child.kill('SIGTERM')
  const [code] = await worker.ended
  expect(code).toBe(0)
  expect(worker.log()).not.toContain(secret)
}, 60_000)

test('a worker with a token that may not everywhere is told so at once', async () => {
  const hub = await started({})
  const scopes = { publish: ['homes/home/#'], subscribe: ['homes/home/#'], api: 'write' }
  const { secret } = await hub.client.post<{ secret: string }>('/tokens', { name: 'ears', ...scopes })
  const worker = startWorker(hub.http_url, secret)
  const [code] = await worker.ended
  expect(code).toBe(1)
  expect(worker.log()).toContain('forbidden')
  expect(worker.log()).toContain('"subscribe":["homes/#"]')
}, 60_000)

test('a worker that reaches no hub says where it looked, and why, in two lines', async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  const worker = startWorker(url, 'hs_none')
  const [code] = await worker.ended
  expect(code).toBe(1)
  expect(worker.log()).toMatch(
    new RegExp(`^No hub answers at ${url}\\. \\(not_found\\)\\n {2}connect ECONNREFUSED .*\\n$`),
  )
}, 60_000)

test('with S3 and SQS a recording goes the same way, and its sound never through the hub', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-s3-'))
  const configureBuckets = [{ name: 'sounds', configs: [] }]
  const s3 = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets })
  const { port: s3_port } = await s3.run()
  const sqs_port = await freePort()
  const sqs = await createSqsServer({ port: sqs_port, hostname: '127.0.0.1', queues: [{ QueueName: 'work' }] })
  onTestFinished(async () => {
    await s3.close()
    sqs.close()
    await rm(directory, { recursive: true, force: true })
  })
  const hub = await started({
    HEARTH_S3_BUCKET: 'sounds',
    HEARTH_S3_ENDPOINT: `http://127.0.0.1:${s3_port}`,
    HEARTH_SQS_QUEUE_URL: `http://127.0.0.1:${sqs_port}/123456789012/work`,
    HEARTH_AWS_ACCESS_KEY_ID: 'S3RVER',
    HEARTH_AWS_SECRET_ACCESS_KEY: 'S3RVER',
  })
  const api_key = await hub.device('mic')
  const sound = wav({ amplitude: 1 })
  const { id } = await upload({ url: hub.http_url, api_key }, sound)
  const { recording, download } = await settled(hub, id)
  expect(recording.status).toBe('done')
  expect(download?.url).toContain(`:${s3_port}/`)
  expect(Buffer.from(await (await fetch(download?.url ?? '')).arrayBuffer()).equals(sound)).toBe(true)
  expect(hub.logged.filter(line => line.includes('X-Amz-Signature') || line.includes('S3RVER"'))).toEqual([])
}, 60_000)
