import { record, system } from '../audit/audit.js'
import { giveDue } from '../commands/due.js'
import type { Job } from './job.js'

export const commandSchedulesJob: Job = {
  name: 'command-schedules',
  cron: '* * * * * *',
  everyMs: 1000,
  run: ({ store, commands, mayCommand }, now) =>
    giveDue(
      {
        db: store.db,
        commands,
        mayCommand,
        also: (tx, { id: command_id, device_id, home_id, name }, { id: schedule_id }) =>
          record(tx, {
            actor: system,
            action: 'command.issue',
            target: `device/${device_id}`,
            home_id,
            outcome: 'done',
            detail: { command_id, name, schedule_id },
          }),
      },
      now,
    ),
}
