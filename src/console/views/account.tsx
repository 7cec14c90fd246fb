import { useState } from 'preact/hooks'
import { Form, typed } from '../parts/asking.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { Panel } from '../parts/panel.tsx'
import { SessionsPanel } from '../parts/sessions-panel.tsx'
import { Title } from '../parts/states.tsx'
import { person, session, showPerson } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import '../styles/people.css'

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
  <label>
    Current password
    <input name="current_password" type="password" required maxLength={1024} autocomplete="current-password" />
  </label>
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
    <Form label="Name and e-mail" action="Save" send={save}>
      <label>
        User name
        <input
          name="username"
          defaultValue={username}
          required
          maxLength={64}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
        />
      </label>
      <label>
        E-mail
        <input name="email" type="email" defaultValue={email} required maxLength={254} autocomplete="email" />
      </label>
      <CurrentPassword />
    </Form>
  )
}

function NewPassword() {
  const [told, tell] = useState('')
  const save = async (given: FormData) => {
    tell('')
    const body = { password: String(given.get('password')), current_password: current(given) }
    await session.call('PATCH /users/me', { body })
    // The access token has ended with the password: this exchanges it, for what is heard live too.
    showPerson((await session.call('GET /users/me')).user)
    tell('Your password is changed, and your other sessions have ended.')
  }
  return (
    <>
      <Form label="Password" action="Change my password" send={save}>
        <CurrentPassword />
        <label>
          New password
          <input name="password" type="password" required minLength={10} maxLength={1024} autocomplete="new-password" />
        </label>
      </Form>
      <p role="status">{told}</p>
    </>
  )
}
