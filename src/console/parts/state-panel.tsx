import type { Message } from '../../client/live.ts'
import type { Device, State } from '../../client/routes.js'
import { capabilitiesOf } from '../state/capabilities.ts'
import { mayAct } from '../state/homes.ts'
import { useFollowed } from '../state/read.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'
import { Control } from './control.tsx'
import { DesiredEditor } from './desired-editor.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'

type Twin = Pick<State, 'reported' | 'open'>

/** What the device is told, and what it says that it is. */
export function StatePanel({ device }: { device: Device }) {
  const { id, home_id } = device
  const topic = `homes/${home_id}/devices/${id}`
  const twin = useFollowed<Twin>(id, {
    filters: [`${topic}/state`, `${topic}/desired`],
    read: async () => (await session.call('GET /devices/{id}/state', { params: { id } })).state,
    heard,
  })
  const capabilities = mayAct(home_id) ? capabilitiesOf(device) : []
  return (
    <>
      {capabilities.length > 0 && (
        <Panel id="controls" title="Controls">
          <Read value={twin.value} again={twin.again}>
            {({ reported }) =>
              capabilities.map(capability => (
                <Control key={capability.name} device_id={id} capability={capability} reported={reported} />
              ))
            }
          </Read>
        </Panel>
      )}
      <Panel id="state" title="State">
        <Read value={twin.value} again={twin.again}>
          {both => (
            <>
              <Names {...both} />
              {mayAct(home_id) && <DesiredEditor device_id={id} open={both.open} />}
            </>
          )}
        </Read>
      </Panel>
    </>
  )
}

function heard(known: Twin, { topic, payload }: Message): Twin {
  const said = parsed(payload)
  if (!isObject(said)) return known
  if (topic.endsWith('/state')) return { ...known, reported: said }
  return { ...known, open: isObject(said.desired) ? said.desired : {} }
}

function Names({ reported, open }: Twin) {
  const names = [...new Set([...Object.keys(reported), ...Object.keys(open)])]
  if (names.length === 0) return <Empty>This device has not said how it is.</Empty>
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Reported</th>
            <th scope="col">Desired</th>
          </tr>
        </thead>
        <tbody>
          {names.map(name => (
            <tr key={name}>
              <th scope="row">{labelOf(name)}</th>
              <td>{Object.hasOwn(reported, name) ? valueText(reported[name]) : '–'}</td>
              <td>{Object.hasOwn(open, name) ? `${valueText(open[name])}, not reached yet` : 'as reported'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
