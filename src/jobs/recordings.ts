import { enqueueLost } from '../audio/sweep.js'
import type { Job } from './job.js'

export const recordingsJob: Job = {
  name: 'recordings',
  cron: '*/10 * * * * *',
  everyMs: 10_000,
  far: true,
  run: ({ store, audio, signal }, now) => enqueueLost(store, audio.recordings, now, signal),
}
