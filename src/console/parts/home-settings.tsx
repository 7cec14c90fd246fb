import type { Home } from '../../client/routes.js'
import { showHome } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { LinesField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'

/** Those that this browser knows; the hub has the last word. */
export const zones = Intl.supportedValuesOf('timeZone')

/** The name of a home, its time zone, and how long its readings are kept. */
export function HomeSettings({ home }: { home: Home }) {
  const { id, name, timezone, retention, retention_fields } = home
  const save = async (given: FormData) =>
    showHome((await session.call('PATCH /homes/{id}', { params: { id }, body: changesIn(given) })).home)
  return (
    <Form action="Save" done="Saved." send={save} keeps>
      <TextField label="Name" name="name" required value={name} />
      <TextField label="Time zone" name="timezone" required value={timezone} suggestions={zones} />
      <TextField
        label="How long readings are kept, like raw=30d,1m=1y; empty for what the hub is set up to"
        name="retention"
        value={retention ?? ''}
        isCode
      />
      <LinesField
        label="Single fields, one a line, like energy: raw=forever"
        name="retention_fields"
        rows={3}
        value={linesOf(retention_fields)}
        isCode
      />
    </Form>
  )
}

const changesIn = (given: FormData) => ({
  name: typed(given, 'name'),
  timezone: typed(given, 'timezone'),
  retention: typed(given, 'retention') || null,
  retention_fields: fieldsIn(typed(given, 'retention_fields')),
})

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
