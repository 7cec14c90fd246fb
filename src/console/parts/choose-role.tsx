import { useEffect, useState } from 'preact/hooks'
import { labelOf } from '../state/words.ts'
import { Refusal, useDoing } from './asking.tsx'

interface ChooseRoleOptions<Role extends string> {
  /** Whose it is. */
  readonly about: string
  readonly roles: readonly Role[]
  readonly now: Role
  readonly save: (role: Role) => Promise<unknown>
}

/** What somebody is; another role counts when it is saved, so that going through them by keyboard changes nothing. */
export function ChooseRole<Role extends string>({ about, roles, now, save }: ChooseRoleOptions<Role>) {
  const [chosen, choose] = useState<Role>(now)
  const { busy, fault, run } = useDoing()
  useEffect(() => choose(now), [now])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run(() => save(chosen))
  }
  return (
    <form class="row" onSubmit={submit}>
      <label>
        <span class="unseen">Role of {about}</span>
        <select
          value={chosen}
          onChange={({ currentTarget }) => choose(roles.find(role => role === currentTarget.value) ?? now)}
        >
          {roles.map(role => (
            <option key={role} value={role}>
              {labelOf(role)}
            </option>
          ))}
        </select>
      </label>
      {chosen !== now && (
        <button type="submit" class="primary" disabled={busy}>
          Save<span class="unseen"> the role of {about}</span>
        </button>
      )}
      <Refusal error={fault} />
    </form>
  )
}
