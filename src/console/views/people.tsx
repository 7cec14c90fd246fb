import { MembersPanel } from '../parts/members-panel.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { OneHome } from '../parts/one-home.tsx'
import { Title } from '../parts/states.tsx'
import { UsersPanel } from '../parts/users-panel.tsx'
import { homes } from '../state/homes.ts'
import { person } from '../state/session.ts'

/** Who belongs to my homes, and for administrators everybody with an account. */
export default function People() {
  return (
    <>
      <Title text="People" />
      <Nearby group="people" />
      <OneHome of={() => homes.value} none="You belong to no home yet.">
        {home => <MembersPanel key={home.id} home={home} />}
      </OneHome>
      {person.value?.role === 'admin' && <UsersPanel />}
    </>
  )
}
