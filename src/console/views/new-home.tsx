import { useLocation } from 'preact-iso'
import { TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { zones } from '../parts/home-settings.tsx'
import { Panel } from '../parts/panel.tsx'
import { Title } from '../parts/states.tsx'
import { showHome } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { zoneHere } from '../state/words.ts'

/** Makes a home, of which I am the owner. */
export default function NewHome() {
  const { route } = useLocation()
  const make = async (given: FormData) => {
    const body = { name: typed(given, 'name'), timezone: typed(given, 'timezone') }
    const { home } = await session.call('POST /homes', { body })
    showHome(home)
    route(`/homes/${home.id}`)
  }
  return (
    <>
      <Title text="Add a home" />
      <Panel id="home" title="A home of mine">
        <Form action="Add it" send={make}>
          <TextField label="Name" name="name" required />
          <TextField label="Time zone" name="timezone" required value={zoneHere} suggestions={zones} />
        </Form>
      </Panel>
    </>
  )
}
