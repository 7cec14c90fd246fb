import { useId, useState } from 'preact/hooks'
import { MembersPanel } from '../parts/members-panel.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { UsersPanel } from '../parts/users-panel.tsx'
import { homes, progress } from '../state/homes.ts'
import { person } from '../state/session.ts'
import '../styles/people.css'

/** Who belongs to my homes, and for administrators everybody with an account. */
export default function People() {
  const state = progress.value
  return (
    <>
      <Title text="People" />
      <Nearby group="people" />
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'loading' && <Loading what="Reading your homes" />}
      {state === 'ready' && (homes.value.length === 0 ? <Empty>You belong to no home yet.</Empty> : <OfOneHome />)}
      {person.value?.role === 'admin' && <UsersPanel />}
    </>
  )
}

function OfOneHome() {
  const id = useId()
  const [chosen, choose] = useState('')
  const home = homes.value.find(one => one.id === chosen) ?? homes.value[0]
  if (!home) return null
  return (
    <>
      {homes.value.length > 1 && (
        <div class="choose-home">
          <label for={id}>Home</label>
          <select id={id} value={home.id} onChange={event => choose(event.currentTarget.value)}>
            {homes.value.map(one => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </div>
      )}
      <MembersPanel key={home.id} home={home} />
    </>
  )
}
