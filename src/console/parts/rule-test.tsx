import { useEffect, useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import { useAction } from '../state/action.ts'
import { readingsIn } from '../state/conditions.ts'
import { zoneOf } from '../state/homes.ts'
import { choicesOf } from '../state/names.ts'
import { ranges } from '../state/ranges.ts'
import { devicesOf, type RuleDraft, timingOf } from '../state/rules.ts'
import { session } from '../state/session.ts'
import { byName } from '../state/sorted.ts'
import { valueText } from '../state/words.ts'
import { ChoiceField } from './fields.tsx'
import { Panel } from './panel.tsx'
import { Problem } from './problem.tsx'
import { RuleChart } from './rule-chart.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

type Found = Answer<'POST /alert-rules/test'>

/** The hub goes through a month at most. */
const periods = ranges.filter(({ has_days }) => !has_days).map(({ start, about }) => [start, about] as const)

/** What the rule as it is written would have said of what a device has recorded. */
export function RuleTest({ draft }: { draft: RuleDraft }) {
  const { busy, fault, run } = useAction()
  const [found, setFound] = useState<Found | null>(null)
  const [chosen, choose] = useState('')
  const [start, setStart] = useState<(typeof periods)[number][0]>('-24h')
  const sorted = choicesOf(byName(devicesOf(draft).map(({ device }) => device.value)))
  const device_id = sorted.find(([id]) => id === chosen)?.[0] ?? sorted[0]?.[0]
  const zone = zoneOf(draft.home_id)
  const [field] = readingsIn(draft.root)
  const range = ranges.find(one => one.start === start)
  // What was found of other words is no answer to these.
  useEffect(() => setFound(null), [draft, device_id, start])
  if (device_id === undefined) return null
  const test = () =>
    run(async () => {
      setFound(null)
      const body = { ...timingOf(draft), device_id, start_time: start, end_time: 'now' }
      setFound(await session.call('POST /alert-rules/test', { body }))
    })
  return (
    <Panel id="test" title="Would it have fired?">
      <div class="inputs">
        <ChoiceField label="Device to test with" value={device_id} choices={sorted} change={choose} />
        <ChoiceField label="Period until now" value={start} choices={periods} change={setStart} />
      </div>
      <Problem fault={fault} />
      <button type="button" class="test-run" disabled={busy} onClick={() => void test()}>
        {busy ? 'Going through it…' : 'Try it'}
      </button>
      <div role="status">{found && <Transitions found={found} zone={zone} />}</div>
      {found && field && range && <RuleChart found={found} field={field} range={range} zone={zone} />}
    </Panel>
  )
}

const timesText = (count: number) => (count === 1 ? 'once' : `${valueText(count)} times`)

function Transitions({
  found: { transitions, active_at_start, moments, until },
  zone,
}: {
  found: Found
  zone: string
}) {
  const raised = transitions.filter(({ kind }) => kind === 'raised').length
  if (moments === 0 && transitions.length === 0)
    return <Empty>The device has said nothing in this time that the rule looks at.</Empty>
  return (
    <>
      <p class="found">
        {raised === 0 ? 'It would not have been raised' : `It would have been raised ${timesText(raised)}`}
        {active_at_start && ', and was there when the period began'}. Looked at {valueText(moments)} messages, until{' '}
        <Time at={until} zone={zone} />.
      </p>
      <ol class="timeline">
        {transitions.map(({ kind, at, reason }) => (
          <li key={`${kind} ${at}`}>
            <Time at={at} zone={zone} />
            <strong>{kind === 'raised' ? 'Raised' : 'Cleared'}</strong>
            <span>{reason}</span>
          </li>
        ))}
      </ol>
    </>
  )
}
