import { durationMs } from '../../config/quantities.js'
import { trimReports } from '../devices/reports.js'
import type { Job } from './job.js'

export const trimLogsJob: Job = {
  name: 'trim-logs',
  cron: '0 17 * * * *',
  everyMs: 3_600_000,
  run: ({ config, store }, now) => trimReports(store.db, now - durationMs(config.log_keep)),
}
