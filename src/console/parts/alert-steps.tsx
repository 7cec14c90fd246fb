import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import type { Alert } from '../../client/routes.js'
import { actorText, readNames } from '../state/actors.ts'
import { mayAct } from '../state/homes.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { LinesField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Panel, Read } from './panel.tsx'
import { Time } from './time.tsx'

const shown = 50
type Step = Answer<'GET /alerts/{id}/timeline'>['timeline'][number]

interface AlertStepsOptions {
  readonly alert: Alert
  /** Another one when anything was said of the alert. */
  readonly version: number
  readonly zone: string
}

/** What became of an alert and what people said about it, the newest first. */
export function AlertSteps({ alert: { id, home_id }, version, zone }: AlertStepsOptions) {
  const { value, again } = useRead(id, () => readSteps(id, home_id), version)
  const [isWhole, showWhole] = useState(false)
  return (
    <Panel id="timeline" title="What became of it">
      {mayAct(home_id) && <CommentForm id={id} />}
      <Read value={value} again={again}>
        {({ steps, names }) => (
          <>
            <ol class="steps">
              {(isWhole ? steps : steps.slice(0, shown)).map(step => (
                <StepLine key={step.id} step={step} names={names} zone={zone} />
              ))}
            </ol>
            {!isWhole && steps.length > shown && (
              <button type="button" onClick={() => showWhole(true)}>
                Show all {steps.length}
              </button>
            )}
          </>
        )}
      </Read>
    </Panel>
  )
}

async function readSteps(id: string, home_id: string) {
  const [{ timeline }, names] = await Promise.all([
    session.call('GET /alerts/{id}/timeline', { params: { id } }),
    readNames(home_id),
  ])
  return { steps: timeline.toReversed(), names }
}

function StepLine({ step, names, zone }: { step: Step; names: ReadonlyMap<string, string>; zone: string }) {
  const { action, actor, at, comment, severity } = step
  return (
    <li>
      <p class="step-head">
        <strong>{labelOf(action)}</strong>
        {action === 'severity_changed' && <span>{labelOf(severity)}</span>}
        <span>{actorText(actor, names)}</span>
        <Time at={at} zone={zone} />
      </p>
      {comment !== null && <p class="comment">{comment}</p>}
    </li>
  )
}

function CommentForm({ id }: { id: string }) {
  const say = (given: FormData) =>
    session.call('POST /alerts/{id}/comments', { params: { id }, body: { comment: typed(given, 'comment') } })
  return (
    <Form action="Say it" send={say}>
      <LinesField label="Comment" name="comment" rows={2} most={1000} required />
    </Form>
  )
}
