import { durationMs } from '../../config/quantities.js'
import { sweepOrphans, sweepSound, sweepUnconfirmed, trimRecordings } from '../audio/sweep.js'
import { trimDead } from '../queue/store-queue.js'
import type { Job } from './job.js'

/** How long it can be read what was heard. */
const keptMs = 366 * 86_400_000
/** How long it can be seen what was given up. */
const deadKeptMs = 30 * 86_400_000

export const trimRecordingsJob: Job = {
  name: 'trim-recordings',
  cron: '0 57 * * * *',
  everyMs: 3_600_000,
  far: true,
  run: async ({ config, store, audio, signal }, now) => {
    const context = { db: store.db, objects: audio.objects, signal }
    await sweepUnconfirmed(context, now)
    await sweepSound(context, now - durationMs(config.audio_keep))
    await trimRecordings(store, now - keptMs)
    await sweepOrphans(context, now)
    await trimDead(store.db, now - deadKeptMs)
  },
}
