import { useEffect, useState } from 'preact/hooks'
import { useAction } from '../state/action.ts'
import { labelled } from '../state/names.ts'
import { ChoiceField } from './fields.tsx'
import { Problem } from './problem.tsx'

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
  const { busy, fault, run } = useAction()
  useEffect(() => choose(now), [now])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run(() => save(chosen))
  }
  return (
    <form class="row" onSubmit={submit}>
      <ChoiceField
        label={<span class="unseen">Role of {about}</span>}
        value={chosen}
        choices={labelled(roles)}
        change={choose}
      />
      {chosen !== now && (
        <button type="submit" class="primary" disabled={busy}>
          Save<span class="unseen"> the role of {about}</span>
        </button>
      )}
      <Problem fault={fault} />
    </form>
  )
}
