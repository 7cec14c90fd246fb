import { useState } from 'preact/hooks'
import type { Contact, Policy } from '../../client/routes.js'
import { severities } from '../state/homes.ts'
import { labelled } from '../state/names.ts'
import { changesOf, draftOf, type PolicyDraft, quietNights, type StepDraft, stepAfter } from '../state/policy.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { CheckField, ChoiceField, NumberField } from './fields.tsx'
import { Form } from './form.tsx'
import { HoursFields } from './hours-fields.tsx'
import { Panel, Read } from './panel.tsx'

const mostSteps = 10
const severityChoices = labelled(severities)

interface PolicyPanelOptions {
  readonly home_id: string
  readonly contacts: readonly Contact[]
}

/** When a home tells whom. */
export function PolicyPanel({ home_id, contacts }: PolicyPanelOptions) {
  const { value, again } = useRead(home_id, async () => {
    const { policies } = await session.call('GET /settings/policies', { query: { home_id } })
    return policies.find(one => one.home_id === home_id) ?? null
  })
  return (
    <Panel id="policy" title="When it tells them">
      <Read value={value} again={again}>
        {policy => policy && <PolicyForm policy={policy} contacts={contacts} />}
      </Read>
    </Panel>
  )
}

function PolicyForm({ policy, contacts }: { policy: Policy; contacts: readonly Contact[] }) {
  const [draft, setDraft] = useState(draftOf(policy))
  const { home_id } = policy
  const change = (part: Partial<PolicyDraft>) => setDraft(before => ({ ...before, ...part }))
  const keep = () => {
    const body = changesOf(draft, contacts)
    return session.call('PATCH /settings/policies/{home_id}', { params: { home_id }, body })
  }
  return (
    <Form action="Keep the policy" isPrimary done="It is kept, and holds from now on." send={keep} keeps>
      <StepsFields steps={draft.steps} contacts={contacts} change={steps => change({ steps })} />
      <RepeatFields draft={draft} change={change} />
      <QuietFields draft={draft} change={change} />
      <CheckField
        label="Those who were told are told that it is over"
        value={draft.tell_closed}
        change={tell_closed => change({ tell_closed })}
      />
      <NumberField
        label="Alerts that are over close by themselves after so many days (never when empty)"
        value={draft.close_after_days}
        min={1}
        change={close_after_days => change({ close_after_days })}
      />
    </Form>
  )
}

interface StepsOptions {
  readonly steps: readonly StepDraft[]
  readonly contacts: readonly Contact[]
  readonly change: (steps: readonly StepDraft[]) => void
}

/** One after the other, until somebody acknowledges the alert or it is over. */
function StepsFields({ steps, contacts, change }: StepsOptions) {
  return (
    <>
      {steps.length === 0 && <p>Nobody is told of anything.</p>}
      {steps.map((step, index) => (
        <StepFields
          key={step.id}
          index={index}
          step={step}
          contacts={contacts}
          change={next => change(steps.map(one => (one.id === step.id ? next : one)))}
          remove={() => change(steps.filter(({ id }) => id !== step.id))}
        />
      ))}
      {steps.length < mostSteps && (
        <button type="button" onClick={() => change([...steps, stepAfter(steps.at(-1))])}>
          Add a step
        </button>
      )}
    </>
  )
}

interface StepOptions {
  readonly index: number
  readonly step: StepDraft
  readonly contacts: readonly Contact[]
  readonly change: (step: StepDraft) => void
  readonly remove: () => void
}

function StepFields({ index, step, contacts, change, remove }: StepOptions) {
  const { contact_ids } = step
  const turn = (id: string, isOn: boolean) =>
    change({
      ...step,
      contact_ids: isOn ? [...(contact_ids ?? []), id] : (contact_ids ?? []).filter(one => one !== id),
    })
  return (
    <fieldset class="conditions">
      <legend>Step {index + 1}</legend>
      <div class="inputs">
        <NumberField
          label="Minutes after the alert was raised"
          value={step.after_minutes}
          required
          min={0}
          change={after_minutes => change({ ...step, after_minutes })}
        />
        <ChoiceField
          label="Of alerts as severe as this, or more"
          value={step.min_severity}
          choices={severityChoices}
          change={min_severity => change({ ...step, min_severity })}
        />
      </div>
      <div class="ticks">
        <CheckField
          label="Every contact of the home"
          value={contact_ids === null}
          change={isAll => change({ ...step, contact_ids: isAll ? null : contacts.map(({ id }) => id) })}
        />
        {contact_ids !== null &&
          contacts.map(({ id, name }) => (
            <CheckField key={id} label={name} value={contact_ids.includes(id)} change={isOn => turn(id, isOn)} />
          ))}
      </div>
      <button type="button" onClick={remove}>
        Remove step {index + 1}
      </button>
    </fieldset>
  )
}

interface PartOptions {
  readonly draft: PolicyDraft
  readonly change: (part: Partial<PolicyDraft>) => void
}

function RepeatFields({ draft: { repeat }, change }: PartOptions) {
  return (
    <>
      <CheckField
        label="The last step is told again"
        value={repeat !== null}
        change={isOn => change({ repeat: isOn ? { every_minutes: '60', times: '3' } : null })}
      />
      {repeat && (
        <div class="inputs">
          <NumberField
            label="Every so many minutes"
            value={repeat.every_minutes}
            required
            min={1}
            change={every_minutes => change({ repeat: { ...repeat, every_minutes } })}
          />
          <NumberField
            label="So often"
            value={repeat.times}
            required
            min={1}
            max={100}
            change={times => change({ repeat: { ...repeat, times } })}
          />
        </div>
      )}
    </>
  )
}

function QuietFields({ draft: { quiet_hours }, change }: PartOptions) {
  return (
    <>
      <CheckField
        label="Quiet hours: what is raised meanwhile is told when they end"
        value={quiet_hours !== null}
        change={isOn => change({ quiet_hours: isOn ? quietNights : null })}
      />
      {quiet_hours && (
        <>
          <HoursFields hours={quiet_hours} change={hours => change({ quiet_hours: { ...quiet_hours, ...hours } })} />
          <ChoiceField
            label="Told all the same when as severe as this, or more"
            value={quiet_hours.passes}
            choices={severityChoices}
            change={passes => change({ quiet_hours: { ...quiet_hours, passes } })}
          />
        </>
      )}
    </>
  )
}
