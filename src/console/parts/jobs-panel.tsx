import type { Answer } from '../../client/client.ts'
import { durationText } from '../state/figures.ts'
import { labelOf, zoneHere } from '../state/words.ts'
import { Panel } from './panel.tsx'
import { Time } from './time.tsx'

type Jobs = Answer<'GET /ops/jobs'>['jobs']

const outcomeOf = ({ running, last_run_at, last_error, duration_ms }: Jobs[number]) => {
  if (running) return 'Runs now'
  if (last_run_at === null) return 'Never ran'
  return last_error ?? `Well, in ${durationText((duration_ms ?? 0) / 1000)}`
}

/** What the hub does by the clock. What went wrong stands first. */
export function JobsPanel({ jobs }: { jobs: Jobs }) {
  const sorted = jobs.toSorted((a, b) => Number(b.last_error !== null) - Number(a.last_error !== null))
  return (
    <Panel id="jobs" title="Scheduled jobs">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">Last run</th>
              <th scope="col">Outcome</th>
              <th scope="col">Next run</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(job => (
              <tr key={job.name}>
                <th scope="row" title={`${job.cron}, UTC`}>
                  {labelOf(job.name)}
                </th>
                <td>{job.last_run_at !== null && <Time at={job.last_run_at} zone={zoneHere} />}</td>
                <td>{outcomeOf(job)}</td>
                <td>{job.next_run_at !== null && <Time at={job.next_run_at} zone={zoneHere} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
