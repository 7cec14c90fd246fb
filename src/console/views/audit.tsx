import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import type { Audit as Row } from '../../client/routes.js'
import { Act } from '../parts/act.tsx'
import { AuditFilter, nothing, type Wanted } from '../parts/audit-filter.tsx'
import { AuditLine } from '../parts/audit-line.tsx'
import { Nearby, Only } from '../parts/nearby.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { useAction } from '../state/action.ts'
import { usePages } from '../state/pages.ts'
import { useRead } from '../state/read.ts'
import { person, session } from '../state/session.ts'
import { readUsers } from '../state/users.ts'
import { valueText } from '../state/words.ts'

/** Who did what, and whether it is as it was written. */
export default function Audit() {
  return (
    <>
      <Title text="Audit" />
      <Nearby group="operations" />
      <Only roles={['admin', 'staff']}>
        <Verified />
        <Written />
      </Only>
    </>
  )
}

type Verdict = Answer<'GET /ops/audit/verify'>['verdict']

/** All rows are gone through, so only when somebody asks. */
function Verified() {
  const [verdict, setVerdict] = useState<Verdict | null>(null)
  const { busy, fault, run } = useAction()
  const check = async () => {
    setVerdict(null)
    setVerdict((await session.call('GET /ops/audit/verify')).verdict)
  }
  return (
    <Panel id="verified" title="Is it as it was written?">
      <p class="muted">Each row is chained to the one before it, and the last is signed outside of the database.</p>
      <div class="row">
        <button type="button" disabled={busy} onClick={() => void run(check)}>
          {busy ? 'Checking…' : 'Check every row'}
        </button>
      </div>
      <div role="status">{verdict && <VerdictText verdict={verdict} />}</div>
      <Problem fault={fault} />
    </Panel>
  )
}

function VerdictText({ verdict: { ok, rows, bad, after_head } }: { verdict: Verdict }) {
  if (!ok)
    return (
      <p class="problem">
        No. Row {bad?.seq}: {bad?.reason}. The {valueText(rows)} rows before it hold together.
      </p>
    )
  return (
    <p>
      <strong class="outcome-succeeded">Yes.</strong> All {valueText(rows)} rows hold together
      {after_head > 0 && `; the last ${valueText(after_head)} came after it was last signed`}.
    </p>
  )
}

/** The names of people, which administrators may know. */
const readNames = async (): Promise<ReadonlyMap<string, string>> => {
  if (person.value?.role !== 'admin') return new Map()
  return new Map((await readUsers()).map(({ id, username }) => [id, username]))
}

const nobody: ReadonlyMap<string, string> = new Map()

const queryOf = ({ action, actor_id, target, home_id, outcome, start_time }: Wanted) => ({
  ...(action !== '' && { action }),
  ...(actor_id !== '' && { actor_id }),
  ...(target !== '' && { target }),
  ...(home_id !== '' && { home_id }),
  ...(outcome !== '' && { outcome }),
  ...(start_time !== '' && { start_time }),
})

function Written() {
  const [wanted, want] = useState<Wanted>(nothing)
  const names = useRead('names', readNames)
  const known = names.value === null || names.value instanceof Error ? nobody : names.value
  const { value, again, more } = usePages<Row>(JSON.stringify(wanted), async page => {
    const query = { ...page, ...queryOf(wanted) }
    const { audit: rows, next_cursor } = await session.call('GET /ops/audit', { query })
    return { rows, next_cursor }
  })
  return (
    <section aria-labelledby="written">
      <h2 id="written">What was done</h2>
      <AuditFilter wanted={wanted} want={want} />
      <div class="row news">
        <Act name="Refresh" about="what was done" act={again} />
      </div>
      <Read value={value} again={again}>
        {({ rows, next_cursor }) => (
          <>
            {rows.length === 0 && <Empty>Nothing of this kind was done.</Empty>}
            <ul class="lines audit">
              {rows.map(row => (
                <AuditLine key={row.seq} row={row} names={known} want={also => want({ ...wanted, ...also })} />
              ))}
            </ul>
            {next_cursor !== null && <Act name="Show older" act={more} />}
          </>
        )}
      </Read>
    </section>
  )
}
