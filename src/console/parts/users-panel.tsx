import { useState } from 'preact/hooks'
import type { User } from '../../client/routes.js'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { readUsers } from '../state/users.ts'
import { ChoiceField, NewPasswordField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { ToldOnce } from './told-once.tsx'
import { roles, UserLine } from './user-line.tsx'

/** More than these are found by their names. */
const shown = 50

/** Everybody with an account, for administrators. */
export function UsersPanel() {
  const { value, again, change } = useRead<readonly User[]>('users', readUsers)
  const changed = (user: User) => change(known => known.map(one => (one.id === user.id ? user : one)))
  return (
    <>
      <Panel id="users" title="Everybody with an account">
        <Read value={value} again={again}>
          {users => <Users users={users} changed={changed} gone={again} />}
        </Read>
      </Panel>
      <Panel id="new-user" title="A new account">
        <NewUser made={again} />
      </Panel>
    </>
  )
}

interface UsersOptions {
  readonly users: readonly User[]
  readonly changed: (user: User) => void
  readonly gone: () => Promise<void>
}

function Users({ users, changed, gone }: UsersOptions) {
  const [sought, seek] = useState('')
  const words = sought.trim().toLowerCase()
  const found = users.filter(({ username, email }) => `${username} ${email}`.toLowerCase().includes(words))
  return (
    <>
      {users.length > 10 && <TextField label="Find by name" type="search" value={sought} change={seek} />}
      {found.length === 0 && <Empty>Nobody is called so.</Empty>}
      <ul class="lines people">
        {found.slice(0, shown).map(user => (
          <UserLine key={user.id} user={user} changed={changed} gone={gone} />
        ))}
      </ul>
      {found.length > shown && <p class="muted">And {found.length - shown} more: find them by name.</p>}
    </>
  )
}

const roleChoices = [
  ['user', 'User: what they are a member of'],
  ['staff', 'Staff: see every home, run the hub'],
  ['admin', 'Administrator: everything'],
] as const

function NewUser({ made }: { made: () => Promise<void> }) {
  const [told, tell] = useState<{ readonly username: string; readonly password: string | undefined } | null>(null)
  const make = async (given: FormData) => {
    tell(null)
    const role = roles.find(one => one === given.get('role')) ?? 'user'
    const first = String(given.get('password') ?? '')
    const body = { email: typed(given, 'email'), username: typed(given, 'username'), role }
    const { user, password } = await session.call('POST /users', {
      body: { ...body, ...(first !== '' && { password: first }) },
    })
    tell({ username: user.username, password })
    await made()
  }
  return (
    <>
      <Form label="A new account" layout="fields" action="Make the account" isPrimary send={make}>
        <TextField label="User name" name="username" required most={64} isCode />
        <TextField label="E-mail" name="email" type="email" required most={254} />
        <ChoiceField label="May do" name="role" choices={roleChoices} />
        <NewPasswordField label="First password; left empty, the hub makes one" />
      </Form>
      <p role="status">{told && `The account of ${told.username} is there.`}</p>
      <ToldOnce label={`First password of ${told?.username ?? ''}`} secret={told?.password ?? null} />
    </>
  )
}
