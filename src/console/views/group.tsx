import { useLocation, useRoute } from 'preact-iso'
import type { Answer } from '../../client/client.ts'
import { Confirm } from '../parts/confirm.tsx'
import { TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { GroupCommand } from '../parts/group-command.tsx'
import { GroupMembers } from '../parts/group-members.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { Title } from '../parts/states.tsx'
import { devices, mayAct } from '../state/homes.ts'
import { useRead } from '../state/read.ts'
import { person, session } from '../state/session.ts'

type Whole = Answer<'GET /groups/{id}'>['group']

/** One group: which devices it holds, and what they are told together. */
export default function Group() {
  const { params } = useRoute()
  const id = params.id ?? ''
  const read = async () => (await session.call('GET /groups/{id}', { params: { id } })).group
  const group = useRead(id, read)
  const name = group.value === null || group.value instanceof Error ? 'Group' : group.value.name
  return (
    <>
      <Title text={name} />
      <Ready>
        <Read value={group.value} again={group.again}>
          {whole => <Shown key={whole.id} group={whole} changed={group.again} />}
        </Read>
      </Ready>
    </>
  )
}

interface ShownOptions {
  readonly group: Whole
  readonly changed: () => Promise<void>
}

function Shown({ group, changed }: ShownOptions) {
  const isMine = person.value?.role === 'admin' || group.user_id === person.value?.id
  const members = group.device_ids.flatMap(id => devices.value.get(id) ?? [])
  const mayCommand = members.some(({ device }) => mayAct(device.value.home_id))
  return (
    <>
      {group.description !== null && <p class="summary">{group.description}</p>}
      <div class="columns">
        <div>
          <Panel id="members" title="Devices">
            <GroupMembers id={group.id} device_ids={group.device_ids} isMine={isMine} changed={changed} />
          </Panel>
          {isMine && (
            <Panel id="settings" title="Settings of this group">
              <Settings group={group} changed={changed} />
            </Panel>
          )}
        </div>
        <div>
          {mayCommand && (
            <Panel id="command" title="Tell them all">
              <GroupCommand id={group.id} members={members.map(({ device }) => device.value)} />
            </Panel>
          )}
        </div>
      </div>
    </>
  )
}

function Settings({ group: { id, name, description, colour }, changed }: ShownOptions) {
  const { route } = useLocation()
  const save = async (given: FormData) => {
    const body = { name: typed(given, 'name'), description: typed(given, 'description') || null, colour }
    await session.call('PUT /groups/{id}', { params: { id }, body })
    await changed()
  }
  const remove = async () => {
    await session.call('DELETE /groups/{id}', { params: { id } })
    route('/groups')
  }
  return (
    <>
      <Form action="Save" done="Saved." send={save} keeps>
        <TextField label="Name" name="name" required value={name} />
        <TextField label="What it is for" name="description" most={1000} value={description ?? ''} />
      </Form>
      <div class="deletion">
        <Confirm action="Delete" about={`the group ${name}`} title={`Delete the group ${name}?`} run={remove}>
          Its devices stay where they are.
        </Confirm>
      </div>
    </>
  )
}
