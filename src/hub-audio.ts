import { join } from 'node:path'
import { bytesOf } from '../config/quantities.js'
import { detectors } from './audio/detectors.js'
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
  readonly detectors: typeof detectors
  /** Begins to listen, in threads of its own. @returns what ends that */
  start(): () => Promise<void>
}

const waitMs = 30_000

type Base = Pick<Mqtt, 'config' | 'log' | 'store' | 'alerts' | 'signing_keys' | 'publish'>

export async function openAudio({ config, log, store, alerts, signing_keys, publish }: Base): Promise<Audio> {
  const { db } = store
  const reserve = bytesOf(config.disk_reserve) ?? 0
  const own_objects = await openDisk({ folder: join(config.data_dir, 'objects'), keys: signing_keys, reserve })
  const objects: Objects = own_objects
  const queue = new StoreQueue(db)
  await queue.giveBack()
  const max_seconds = config.audio_seconds
  const recordings = new Recordings({ db, log, objects, queue, detectors, alerts, max_seconds, publish })
  const work = {
    claim: (signal: AbortSignal) => recordings.claim({ by: 'hub' as const, wait_ms: waitMs, signal }),
    finish: recordings.finish.bind(recordings),
  }
  const start = () => {
    const listeners = new Listeners({ threads: config.audio_workers, work, log })
    listeners.start()
    return () => listeners.close()
  }
  return { recordings, objects, own_objects, queue, detectors, start }
}
