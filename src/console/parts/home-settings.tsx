import { useState } from 'preact/hooks'
import type { Home } from '../../client/routes.js'
import { useAsking } from '../state/asking.ts'
import { showHome } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { Field, Save, wordIn } from './field.tsx'
import { Problem } from './problem.tsx'

/** Those that this browser knows; the hub has the last word. */
const zones = Intl.supportedValuesOf('timeZone')

/** The name of a home, its time zone, and how long its readings are kept. */
export function HomeSettings({ home }: { home: Home }) {
  const { id, name, timezone, retention, retention_fields } = home
  const [told, setTold] = useState('')
  const { busy, fault, ask } = useAsking()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setTold('')
    const body = changesIn(event.currentTarget)
    const done = await ask(async () => {
      showHome((await session.call('PATCH /homes/{id}', { params: { id }, body })).home)
    })
    if (done) setTold('Saved.')
  }
  return (
    <form class="stack" onSubmit={event => void submit(event)}>
      <Field label="Name" name="name" required value={name} />
      <Field label="Time zone" name="timezone" required value={timezone} list="zones" />
      <datalist id="zones">
        {zones.map(zone => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <Field
        label="How long readings are kept, like raw=30d,1m=1y; empty for what the hub is set up to"
        name="retention"
        value={retention ?? ''}
      />
      <label>
        Single fields, one a line, like energy: raw=forever
        <textarea name="retention_fields" rows={3} defaultValue={linesOf(retention_fields)} spellcheck={false} />
      </label>
      <Problem fault={fault} />
      <Save busy={busy} told={told} />
    </form>
  )
}

function changesIn(form: EventTarget | null) {
  const word = (name: string) => wordIn(form, name)
  const retention_fields = fieldsIn(word('retention_fields'))
  return { name: word('name'), timezone: word('timezone'), retention: word('retention') || null, retention_fields }
}

const linesOf = (fields: Home['retention_fields']) =>
  Object.entries(fields ?? {})
    .map(([field, retention]) => `${field}: ${retention}`)
    .join('\n')

function fieldsIn(text: string): Record<string, string> | null {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  return lines.length === 0 ? null : Object.fromEntries(lines.map(partsOf))
}

/** The name of a field may hold a colon, what is kept of it does not. */
function partsOf(line: string): [field: string, retention: string] {
  const colon = line.lastIndexOf(':')
  if (colon < 0) return [line.trim(), '']
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
}
