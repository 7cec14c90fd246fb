import { keepToBudget, noteSize } from '../telemetry/budget.js'
import { applyRetention } from '../telemetry/retention.js'
import type { Job } from './job.js'

/** What is left goes at the next run: a hub that stops waits no longer than this. */
const atMostMs = 3000

export const retentionJob: Job = {
  name: 'retention',
  cron: '5,25,45 * * * * *',
  everyMs: 20_000,
  run: async ({ config, store, log }, now) => {
    const until = performance.now() + atMostMs
    const isOver = () => performance.now() > until
    await applyRetention(store.db, config.retention, now, isOver)
    const rows = await keepToBudget(store, config, now, isOver)
    if (rows > 0)
      log.warn({ rows }, 'the oldest readings went before their time: the storage budget, or the disk, is full')
    await noteSize(store, now)
  },
}
