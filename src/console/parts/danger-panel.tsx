import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Device } from '../../client/routes.js'
import { useAsking } from '../state/asking.ts'
import { forgetDevice, homes, mayOwn, showDevice } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { Confirm } from './confirm.tsx'
import { Field, Save, wordIn } from './field.tsx'
import { Panel } from './panel.tsx'
import { PlaceChoice } from './place-choice.tsx'
import { Problem } from './problem.tsx'

const statuses = [
  { status: 'active', name: 'Active' },
  { status: 'maintenance', name: 'In maintenance' },
  { status: 'inactive', name: 'Inactive: it may not connect' },
] as const

/** What a device is called and where it is; and its end. */
export function DangerPanel({ device }: { device: Device }) {
  return (
    <Panel id="danger" title="Settings of this device">
      <Settings device={device} />
      <Deletion device={device} />
    </Panel>
  )
}

function Settings({ device }: { device: Device }) {
  const { id, name, type, room_id, location, status } = device
  const [home_id, setHome] = useState(device.home_id)
  const [told, setTold] = useState('')
  const { busy, fault, ask } = useAsking()
  const mine = homes.value.filter(home => mayOwn(home.id))
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setTold('')
    const body = { ...changesIn(event.currentTarget), ...(home_id !== device.home_id && { home_id }) }
    const done = await ask(async () => {
      showDevice((await session.call('PATCH /devices/{id}', { params: { id }, body })).device)
    })
    if (done) setTold('Saved.')
  }
  return (
    <form class="stack" onSubmit={event => void submit(event)}>
      <Field label="Name" name="name" required value={name} />
      <Field label="Type" name="type" required value={type} />
      <PlaceChoice homes={mine} home_id={home_id} room_id={room_id} choose={setHome} />
      <Field label="Place, in words" name="location" value={location ?? ''} />
      <label>
        Status
        <select name="status">
          {statuses.map(one => (
            <option key={one.status} value={one.status} selected={one.status === status}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <Problem fault={fault} />
      <Save busy={busy} told={told} />
    </form>
  )
}

function changesIn(form: EventTarget | null) {
  const word = (name: string) => wordIn(form, name)
  const status = statuses.find(one => one.status === word('status'))?.status ?? 'active'
  const [room_id, location] = [word('room_id') || null, word('location') || null]
  return { name: word('name'), type: word('type'), room_id, location, status }
}

function Deletion({ device: { id, name } }: { device: Device }) {
  const { route } = useLocation()
  const run = async () => {
    await session.call('DELETE /devices/{id}', { params: { id } })
    route('/')
    forgetDevice(id)
  }
  return (
    <div class="deletion">
      <h3>Delete it</h3>
      <p class="muted">With its readings, its keys and all it ever said. None of it comes back.</p>
      <Confirm action="Delete" about={name} title={`Delete ${name}?`} typed={name} run={run}>
        Its readings, its events, its commands and its keys are deleted with it, and do not come back. Whatever is
        connected with its keys is cut off.
      </Confirm>
    </div>
  )
}
