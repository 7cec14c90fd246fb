import { useState } from 'preact/hooks'
import type { Command, Device } from '../../client/routes.js'
import { mayAct } from '../state/homes.ts'
import { useFollowed, useRead } from '../state/read.ts'
import { toldIn } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'
import { Act } from './act.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

const shown = 20

/** The last commands of a device, the newest first, with all that became of each. */
export function CommandsPanel({ device: { id, home_id }, zone }: { device: Device; zone: string }) {
  const commands = useFollowed<readonly Command[]>(id, {
    filters: [`homes/${home_id}/commands`],
    read: async () =>
      (await session.call('GET /devices/{id}/commands', { params: { id }, query: { limit: shown } })).commands,
    heard: (known, { payload }) => {
      const command = toldIn('command', payload)
      return command ? withCommand(known, command, id) : known
    },
  })
  return (
    <Panel id="commands" title="Commands">
      <Read value={commands.value} again={commands.again}>
        {rows =>
          rows.length === 0 ? (
            <Empty>Nothing was asked of this device yet.</Empty>
          ) : (
            <ul class="lines">
              {rows.map(command => (
                <CommandLine key={command.id} command={command} zone={zone} />
              ))}
            </ul>
          )
        }
      </Read>
    </Panel>
  )
}

function withCommand(known: readonly Command[], command: Command, device_id: string): readonly Command[] {
  if (command.device_id !== device_id) return known
  const others = known.filter(({ id }) => id !== command.id)
  if (others.length === known.length) return [command, ...known].slice(0, shown)
  return known.map(one => (one.id === command.id && one.updated_at <= command.updated_at ? command : one))
}

function CommandLine({ command, zone }: { command: Command; zone: string }) {
  const [isOpen, setOpen] = useState(false)
  const { name, params, status, error, issued_at } = command
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">{labelOf(name)}</span>
          {Object.keys(params).length > 0 && <code>{valueText(params)}</code>}
          <span class={`outcome outcome-${status}`}>{labelOf(status)}</span>
          <Time at={issued_at} zone={zone} />
        </summary>
        {error && <p>{error.message}</p>}
        {isOpen && <Timeline command={command} zone={zone} />}
        {command.settled_at === null && mayAct(command.home_id) && <Cancel command={command} />}
      </details>
    </li>
  )
}

/** What was not sent yet is cancelled; else the device is asked, and what it answers is shown as it comes. */
function Cancel({ command: { id, name, cancel_requested_at } }: { command: Command }) {
  if (cancel_requested_at !== null) return <p class="muted">The device is asked not to run it.</p>
  return (
    <Act
      name="Take it back"
      about={labelOf(name)}
      act={() => session.call('DELETE /commands/{id}', { params: { id } })}
    />
  )
}

function Timeline({ command: { id, updated_at }, zone }: { command: Command; zone: string }) {
  const read = async () => (await session.call('GET /commands/{id}/timeline', { params: { id } })).timeline
  const { value, again } = useRead(id, read, updated_at)
  return (
    <Read value={value} again={again}>
      {all => (
        <ol class="timeline">
          {all.map((step, index) => (
            <li key={`${step.at} ${index}`}>
              {labelOf(step.status)}
              {step.progress !== null && ` ${step.progress} %`} <Time at={step.at} zone={zone} />
            </li>
          ))}
        </ol>
      )}
    </Read>
  )
}
