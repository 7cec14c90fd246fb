import { useState } from 'preact/hooks'
import type { Model } from '../../client/routes.js'
import { CheckField, ChoiceField, NumberField } from '../parts/fields.tsx'
import { OneHome } from '../parts/one-home.tsx'
import { Read } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { Title } from '../parts/states.tsx'
import { useAction } from '../state/action.ts'
import { ownHomes, severities } from '../state/homes.ts'
import { labelled } from '../state/names.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'

/** What a home listens for in recordings. */
export default function Detectors() {
  return (
    <>
      <Title text="Detectors" />
      <p class="summary">What is listened for in recordings from now on, and how clearly it has to be heard.</p>
      <OneHome of={ownHomes} none="Only the owner of a home says what it listens for.">
        {({ id }) => <Models key={id} home_id={id} />}
      </OneHome>
    </>
  )
}

function Models({ home_id }: { home_id: string }) {
  const { value, again, change } = useRead(home_id, async () => {
    const { models } = await session.call('GET /model-config', { query: { home_id } })
    return models
  })
  const show = (model: Model) => change(known => known.map(one => (one.model_key === model.model_key ? model : one)))
  return (
    <Read value={value} again={again}>
      {models => models.map(model => <ModelForm key={model.model_key} model={model} show={show} />)}
    </Read>
  )
}

/** Those of its thresholds that are numbers, as they are written. */
const numbersOf = ({ thresholds }: Model): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(thresholds).flatMap(([name, value]) =>
      typeof value === 'number' ? [[name, String(value)] as const] : [],
    ),
  )

/** Only what was changed: the rest stays the detector's own where it is. */
const changedIn = (before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(now).flatMap(([name, text]) =>
      text === before[name] ? [] : [[name, text === '' ? null : Number(text)] as const],
    ),
  )

function ModelForm({ model, show }: { model: Model; show: (model: Model) => void }) {
  const { home_id, model_key, title, enabled } = model
  const [severity, setSeverity] = useState(model.severity)
  const [numbers, setNumbers] = useState(numbersOf(model))
  const [said, say] = useState('')
  const { busy, fault, run } = useAction()
  const send = (body: {
    enabled?: boolean
    severity?: Model['severity'] | null
    thresholds?: Record<string, unknown>
  }) =>
    run(async () => {
      say('')
      const params = { model_key }
      const answer = await session.call('PATCH /model-config/{model_key}', { params, body: { home_id, ...body } })
      show(answer.model)
      setSeverity(answer.model.severity)
      setNumbers(numbersOf(answer.model))
      say('It is kept.')
    })
  const keep = (event: SubmitEvent) => {
    event.preventDefault()
    const thresholds = changedIn(numbersOf(model), numbers)
    void send({ thresholds, ...(severity !== model.severity && { severity }) })
  }
  const reset = () => {
    const thresholds = Object.fromEntries(Object.keys(numbers).map(name => [name, null]))
    void send({ severity: null, thresholds })
  }
  return (
    <section class="panel" aria-labelledby={`model-${model_key}`}>
      <h2 id={`model-${model_key}`}>{title}</h2>
      <form class="stack" onSubmit={keep}>
        <CheckField label="Listen for it" value={enabled} change={isOn => void send({ enabled: isOn })} />
        <div class="inputs">
          <ChoiceField
            label="Severity of its alerts"
            value={severity}
            choices={labelled(severities)}
            change={setSeverity}
          />
          {Object.entries(numbers).map(([name, text]) => (
            <NumberField
              key={name}
              label={labelOf(name)}
              value={text}
              change={next => setNumbers({ ...numbers, [name]: next })}
            />
          ))}
        </div>
        <Problem fault={fault} />
        <div class="row">
          <button type="submit" disabled={busy}>
            Keep<span class="unseen"> {title}</span>
          </button>
          <button type="button" disabled={busy} onClick={reset}>
            Back to its own<span class="unseen"> settings: {title}</span>
          </button>
        </div>
        <p role="status">{said}</p>
      </form>
    </section>
  )
}
