import { applyRetention } from '../telemetry/retention.js'
import type { Job } from './job.js'

/** What is left goes at the next run: a hub that stops waits no longer than this. */
const atMostMs = 3000

export const retentionJob: Job = {
  name: 'retention',
  cron: '5,25,45 * * * * *',
  everyMs: 20_000,
  run: ({ config, store }, now) => {
    const until = performance.now() + atMostMs
    return applyRetention(store.db, config.retention, now, () => performance.now() > until)
  },
}
