import { useState } from 'preact/hooks'
import type { User } from '../../client/routes.js'
import { person, session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { Act, AskFirst, Form } from './asking.tsx'
import { ChooseRole } from './choose-role.tsx'

export const roles = ['user', 'staff', 'admin'] as const

interface UserOptions {
  readonly user: User
  readonly changed: (user: User) => void
  readonly gone: () => Promise<void>
}

/** Somebody with an account, and what an administrator can do about it. */
export function UserLine(options: UserOptions) {
  const [isOpen, setOpen] = useState(false)
  const { id, username, email, role, status } = options.user
  const isMe = id === person.value?.id
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">{username}</span>
          {isMe && <span>That is you</span>}
          <span class="muted">{email}</span>
          <span>{labelOf(role)}</span>
          {status === 'inactive' && <strong>Switched off</strong>}
        </summary>
        {isOpen && (isMe ? <Myself /> : <Changes {...options} />)}
      </details>
    </li>
  )
}

const Myself = () => (
  <p class="line-body">
    You change your name and your password in <a href="/account">your account</a>; your role is for another
    administrator to change.
  </p>
)

function Changes({ user, changed, gone }: UserOptions) {
  const { id, username, role, status } = user
  const params = { id }
  const patch = async (body: { role: User['role'] } | { password: string }) =>
    changed((await session.call('PATCH /users/{id}', { params, body })).user)
  const switchOff = async () => changed((await session.call('PATCH /users/{id}/deactivate', { params })).user)
  const letIn = async () => changed((await session.call('PATCH /users/{id}/activate', { params })).user)
  const remove = async () => {
    await session.call('DELETE /users/{id}', { params })
    await gone()
  }
  return (
    <div class="line-body">
      <ChooseRole about={username} roles={roles} now={role} save={next => patch({ role: next })} />
      <NewPassword username={username} save={password => patch({ password })} />
      <div class="row">
        {status === 'active' ? (
          <AskFirst
            name="Switch off"
            about={username}
            question={`Switch off ${username}? They are signed out everywhere and let in no more, until you let them in again.`}
            act={switchOff}
          />
        ) : (
          <Act name="Let in again" about={username} act={letIn} />
        )}
        <AskFirst
          name="Delete"
          about={username}
          question={`Delete the account of ${username}? It does not come back.`}
          act={remove}
        />
      </div>
    </div>
  )
}

function NewPassword({ username, save }: { username: string; save: (password: string) => Promise<void> }) {
  const [told, tell] = useState('')
  const send = async (given: FormData) => {
    tell('')
    await save(String(given.get('password')))
    tell(`The password of ${username} is changed, and their sessions have ended.`)
  }
  return (
    <>
      <Form label={`A new password for ${username}`} action="Set the password" send={send}>
        <label>
          A new password for {username}
          <input name="password" type="password" required minLength={10} maxLength={1024} autocomplete="new-password" />
        </label>
      </Form>
      <p role="status">{told}</p>
    </>
  )
}
