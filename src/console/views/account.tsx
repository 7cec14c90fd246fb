import { NewPasswordField, TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { Panel } from '../parts/panel.tsx'
import { SessionsPanel } from '../parts/sessions-panel.tsx'
import { Title } from '../parts/states.tsx'
import { person, session, showPerson } from '../state/session.ts'
import { labelOf } from '../state/words.ts'

/** My own name and password, and where I am signed in. */
export default function Account() {
  const { value: me } = person
  if (me === null) return null
  return (
    <>
      <Title text="My account" />
      <Nearby group="people" />
      <p class="summary">
        <span>{me.username}</span>
        <span>{me.email}</span>
        <span>{labelOf(me.role)}</span>
      </p>
      <Panel id="names" title="Name and e-mail">
        <Names key={`${me.username} ${me.email}`} username={me.username} email={me.email} />
      </Panel>
      <Panel id="password" title="Password">
        <p class="muted">A new password signs you out everywhere but here.</p>
        <NewPassword />
      </Panel>
      <SessionsPanel />
    </>
  )
}

const CurrentPassword = () => (
  <TextField
    label="Current password"
    name="current_password"
    type="password"
    required
    most={1024}
    autocomplete="current-password"
  />
)

const current = (given: FormData) => String(given.get('current_password'))

function Names({ username, email }: { username: string; email: string }) {
  const save = async (given: FormData) => {
    const body = {
      username: typed(given, 'username'),
      email: typed(given, 'email'),
      current_password: current(given),
    }
    showPerson((await session.call('PATCH /users/me', { body })).user)
  }
  return (
    <Form label="Name and e-mail" layout="fields" action="Save" isPrimary send={save}>
      <TextField label="User name" name="username" value={username} required most={64} autocomplete="username" isCode />
      <TextField label="E-mail" name="email" type="email" value={email} required most={254} autocomplete="email" />
      <CurrentPassword />
    </Form>
  )
}

function NewPassword() {
  const save = async (given: FormData) => {
    const body = { password: String(given.get('password')), current_password: current(given) }
    await session.call('PATCH /users/me', { body })
    // The access token has ended with the password: this exchanges it, for what is heard live too.
    showPerson((await session.call('GET /users/me')).user)
  }
  return (
    <Form
      label="Password"
      layout="fields"
      action="Change my password"
      isPrimary
      done="Your password is changed, and your other sessions have ended."
      send={save}
    >
      <CurrentPassword />
      <NewPasswordField label="New password" required />
    </Form>
  )
}
