import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Device } from '../../client/routes.js'
import { forgetDevice, ownHomes, showDevice } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { Confirm } from './confirm.tsx'
import { ChoiceField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Panel } from './panel.tsx'
import { PlaceChoice } from './place-choice.tsx'

const statuses = [
  ['active', 'Active'],
  ['maintenance', 'In maintenance'],
  ['inactive', 'Inactive: it may not connect'],
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
  const save = async (given: FormData) => {
    const body = { ...changesIn(given), ...(home_id !== device.home_id && { home_id }) }
    showDevice((await session.call('PATCH /devices/{id}', { params: { id }, body })).device)
  }
  return (
    <Form action="Save" done="Saved." send={save} keeps>
      <TextField label="Name" name="name" required value={name} />
      <TextField label="Type" name="type" required value={type} />
      <PlaceChoice homes={ownHomes()} home_id={home_id} room_id={room_id} choose={setHome} />
      <TextField label="Place, in words" name="location" value={location ?? ''} />
      <ChoiceField label="Status" name="status" value={status} choices={statuses} />
    </Form>
  )
}

const changesIn = (given: FormData) => ({
  name: typed(given, 'name'),
  type: typed(given, 'type'),
  room_id: typed(given, 'room_id') || null,
  location: typed(given, 'location') || null,
  status: statuses.find(([status]) => status === given.get('status'))?.[0] ?? 'active',
})

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
