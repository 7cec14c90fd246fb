import { useState } from 'preact/hooks'
import type { User } from '../../client/routes.js'
import { person, session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { Act } from './act.tsx'
import { ChooseRole } from './choose-role.tsx'
import { Confirm } from './confirm.tsx'
import { NewPasswordField } from './fields.tsx'
import { Form } from './form.tsx'

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
          <Confirm action="Switch off" about={username} title={`Switch off ${username}?`} run={switchOff}>
            They are signed out everywhere and let in no more, until you let them in again.
          </Confirm>
        ) : (
          <Act name="Let in again" about={username} act={letIn} />
        )}
        <Confirm action="Delete" about={username} title={`Delete the account of ${username}?`} run={remove}>
          It does not come back.
        </Confirm>
      </div>
    </div>
  )
}

function NewPassword({ username, save }: { username: string; save: (password: string) => Promise<void> }) {
  const label = `A new password for ${username}`
  return (
    <Form
      label={label}
      layout="fields"
      action="Set the password"
      isPrimary
      done={`The password of ${username} is changed, and their sessions have ended.`}
      send={given => save(String(given.get('password')))}
    >
      <NewPasswordField label={label} required />
    </Form>
  )
}
