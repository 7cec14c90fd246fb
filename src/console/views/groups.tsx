import { useLocation } from 'preact-iso'
import { Field, wordIn } from '../parts/field.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { useAsking } from '../state/asking.ts'
import { everyPage } from '../state/pages.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import '../styles/devices.css'

const readGroups = () =>
  everyPage(async query => {
    const { groups: rows, next_cursor } = await session.call('GET /groups', { query })
    return { rows, next_cursor }
  })

/** Devices that are told things together, of one home or of several. */
export function Groups() {
  const groups = useRead(readGroups, [])
  return (
    <>
      <Title text="Groups" />
      <Read value={groups.value}>
        {rows =>
          rows.length === 0 ? (
            <Empty>There is no group yet. A group holds devices that are told things together.</Empty>
          ) : (
            <ul class="cards">
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
  const { busy, fault, ask } = useAsking()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const word = (name: string) => wordIn(event.currentTarget, name)
    const body = { name: word('name'), description: word('description') || null }
    await ask(async () => {
      const { group } = await session.call('POST /groups', { body })
      route(`/groups/${group.id}`)
    })
  }
  return (
    <form class="stack narrow" onSubmit={event => void submit(event)}>
      <Field label="Name" name="name" required />
      <Field label="What it is for" name="description" most={1000} />
      <Problem fault={fault} />
      <div>
        <button type="submit" disabled={busy}>
          Make the group
        </button>
      </div>
    </form>
  )
}
