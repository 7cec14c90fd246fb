import { durationMs } from '../../config/quantities.js'
import { trimQuarantine } from '../quarantine/quarantine.js'
import type { Job } from './job.js'

export const trimQuarantineJob: Job = {
  name: 'trim-quarantine',
  cron: '0 7 * * * *',
  everyMs: 3_600_000,
  run: ({ config, store }, now) => trimQuarantine(store.db, now - durationMs(config.quarantine_keep)),
}
