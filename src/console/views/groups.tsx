import { useLocation } from 'preact-iso'
import { TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { readGroups } from '../state/groups.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'

/** Devices that are told things together, of one home or of several. */
export default function Groups() {
  const groups = useRead('groups', readGroups)
  return (
    <>
      <Title text="Groups" />
      <Read value={groups.value} again={groups.again}>
        {rows =>
          rows.length === 0 ? (
            <Empty>There is no group yet. A group holds devices that are told things together.</Empty>
          ) : (
            <ul class="cards groups">
              {rows.map(({ id, name, description }) => (
                <li key={id} class="card">
                  <h2>
                    <a href={`/groups/${id}`}>{name}</a>
                  </h2>
                  {description !== null && <p class="none">{description}</p>}
                </li>
              ))}
            </ul>
          )
        }
      </Read>
      <Panel id="new-group" title="A new group">
        <NewGroup />
      </Panel>
    </>
  )
}

function NewGroup() {
  const { route } = useLocation()
  const make = async (given: FormData) => {
    const body = { name: typed(given, 'name'), description: typed(given, 'description') || null }
    const { group } = await session.call('POST /groups', { body })
    route(`/groups/${group.id}`)
  }
  return (
    <Form class="narrow" action="Make the group" send={make}>
      <TextField label="Name" name="name" required />
      <TextField label="What it is for" name="description" most={1000} />
    </Form>
  )
}
