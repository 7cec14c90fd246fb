import { join } from 'node:path'
import type { Config } from '../config/config.js'
import { bytesOf } from '../config/quantities.js'
import type { Detector } from './audio/detector.js'
import { detectorsWith } from './audio/detectors.js'
import { Listeners } from './audio/listeners.js'
import { Recordings } from './audio/recordings.js'
import type { Mqtt } from './hub-mqtt.js'
import { openDisk } from './objects/disk.js'
import type { Objects, OwnObjects } from './objects/objects.js'
import type { Queue } from './queue/queue.js'
import { StoreQueue } from './queue/store-queue.js'

/** Sound: where it is kept, who is to listen to it, and what becomes of it. */
export interface Audio {
  readonly recordings: Recordings
  readonly objects: Objects
  /** The same where the hub keeps them itself; else null. */
  readonly own_objects: OwnObjects | null
  readonly queue: Queue
  readonly detectors: readonly Detector[]
  /** Begins to listen, in threads of its own. @returns what ends that */
  start(): () => Promise<void>
}

const waitMs = 30_000

type Base = Pick<Mqtt, 'config' | 'log' | 'store' | 'alerts' | 'signing_keys' | 'publish'>

export async function openAudio(base: Base): Promise<Audio> {
  const { config, log, store, alerts, publish } = base
  const { db } = store
  const models = config.audio_models
  const [{ objects, own_objects }, queue, detectors] = await Promise.all([
    openObjects(base),
    openQueue(base),
    detectorsWith(models),
  ])
  const max_seconds = config.audio_seconds
  const recordings = new Recordings({ db, log, objects, queue, detectors, alerts, max_seconds, publish })
  const work = {
    claim: (signal: AbortSignal) => recordings.claim({ by: 'hub' as const, wait_ms: waitMs, signal }),
    finish: recordings.finish.bind(recordings),
  }
  const start = () => {
    const listeners = new Listeners({ threads: config.audio_workers, work, models, log })
    listeners.start()
    return () => listeners.close()
  }
  return { recordings, objects, own_objects, queue, detectors, start }
}

/** Amazon's library is loaded only where it is used. */
async function openObjects({ config, signing_keys: keys }: Base): Promise<Pick<Audio, 'objects' | 'own_objects'>> {
  const { s3_bucket: bucket, s3_endpoint: endpoint, aws_region: region } = config
  if (bucket) {
    const { S3Objects } = await import('./objects/s3.js')
    return {
      objects: new S3Objects({ bucket, endpoint, region, credentials: credentialsIn(config) }),
      own_objects: null,
    }
  }
  const reserve = bytesOf(config.disk_reserve) ?? 0
  const own_objects = await openDisk({ folder: join(config.data_dir, 'objects'), keys, reserve })
  return { objects: own_objects, own_objects }
}

async function openQueue({ config, store }: Base): Promise<Queue> {
  const { sqs_queue_url: url, sqs_dead_letter_url: dead_url, aws_region: region } = config
  if (url) {
    const { SqsQueue } = await import('./queue/sqs-queue.js')
    return new SqsQueue({ url, dead_url, region, credentials: credentialsIn(config) })
  }
  const queue = new StoreQueue(store.db)
  await queue.giveBack()
  return queue
}

function credentialsIn({ aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey }: Config) {
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined
}
