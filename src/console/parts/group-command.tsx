import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import type { Command, Device } from '../../client/routes.js'
import { HubError } from '../../errors.ts'
import { capabilitiesOf } from '../state/capabilities.ts'
import { deviceName } from '../state/names.ts'
import { useFollowed } from '../state/read.ts'
import { isObject, parsed, toldIn } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { LinesField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Read } from './panel.tsx'

type Given = Answer<'POST /groups/{id}/commands'>

/** Gives every device of a group a command of its own, and shows what becomes of each. */
export function GroupCommand({ id, members }: { id: string; members: readonly Device[] }) {
  const [given, setGiven] = useState<Given | null>(null)
  const command = async (form: FormData) => {
    const params = parsed(typed(form, 'params') || '{}')
    if (!isObject(params))
      throw new HubError('invalid_request', 'The parameters are no JSON object, like {"power": "on"}.')
    const body = { name: typed(form, 'name'), params }
    setGiven(await session.call('POST /groups/{id}/commands', { params: { id }, body }))
  }
  const names = new Set(members.flatMap(device => capabilitiesOf(device).map(({ name }) => name)))
  return (
    <>
      <Form action="Send to all" isPrimary send={command} keeps>
        <TextField label="Command" name="name" required suggestions={[...names]} isCode />
        <LinesField label="Parameters, as JSON" name="params" rows={3} value="{}" isCode />
      </Form>
      {given && <Outcome key={given.batch.id} id={id} given={given} />}
    </>
  )
}

/** It moves as the devices answer. */
function Outcome({ id, given }: { id: string; given: Given }) {
  const { batch, refused } = given
  const homes = [...new Set(given.commands.map(({ home_id }) => home_id))]
  const commands = useFollowed<readonly Command[]>(batch.id, {
    filters: homes.map(home => `homes/${home}/commands`),
    read: async () =>
      (await session.call('GET /groups/{id}/commands/{batch_id}', { params: { id, batch_id: batch.id } })).commands,
    heard: (known, { payload }) => {
      const command = toldIn('command', payload)
      return command ? withCommand(known, command) : known
    },
  })
  return (
    <Read value={commands.value} again={commands.again}>
      {rows => (
        <>
          <p role="status">{summaryOf(rows, refused.length)}</p>
          <ul class="lines">
            {rows.map(command => (
              <li key={command.id} class="event">
                <span class="line-name">{deviceName(command.device_id)}</span>
                <span class={`outcome outcome-${command.status}`}>{labelOf(command.status)}</span>
                {command.error && <span class="muted">{command.error.message}</span>}
              </li>
            ))}
            {refused.map(({ device_id, message }) => (
              <li key={device_id} class="event">
                <span class="line-name">{deviceName(device_id)}</span>
                <span class="outcome outcome-failed">Not given</span>
                <span class="muted">{message}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Read>
  )
}

const withCommand = (known: readonly Command[], command: Command) =>
  known.map(one => (one.id === command.id && one.updated_at <= command.updated_at ? command : one))

/** How many have come how far, e.g. `2 succeeded, 1 queued of 3`. */
function summaryOf(commands: readonly Command[], refused: number): string {
  const counts = new Map<string, number>()
  for (const { status } of commands) counts.set(status, (counts.get(status) ?? 0) + 1)
  const told = [...counts].map(([status, count]) => `${count} ${labelOf(status).toLowerCase()}`)
  const total = commands.length + refused
  return `${[...told, ...(refused > 0 ? [`${refused} not given`] : [])].join(', ')} of ${total}`
}
