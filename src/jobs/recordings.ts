import { enqueueLost } from '../audio/sweep.js'
import type { Job } from './job.js'

export const recordingsJob: Job = {
  name: 'recordings',
  cron: '*/10 * * * * *',
  everyMs: 10_000,
  run: ({ store, audio }, now) => enqueueLost(store, audio.recordings, now),
}
