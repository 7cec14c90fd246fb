import { useState } from 'preact/hooks'
import type { Contact, Notification } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { changesOf, kinds, placeOf } from '../state/contacts.ts'
import { session } from '../state/session.ts'
import { valueText } from '../state/words.ts'
import { Confirm } from './confirm.tsx'
import { ContactForm } from './contact-form.tsx'
import { CheckField } from './fields.tsx'
import { Problem } from './problem.tsx'
import { ToldOnce } from './told-once.tsx'

interface ContactLineOptions {
  readonly contact: Contact
  readonly show: (contact: Contact) => void
  readonly remove: (id: string) => void
}

/** Someone who is told, with what can be done about it. */
export function ContactLine({ contact, show, remove }: ContactLineOptions) {
  const { id, name, kind, status } = contact
  const [said, say] = useState('')
  const [secret, setSecret] = useState<string | null>(null)
  const { busy, fault, run } = useAction()
  const params = { id }
  const test = () =>
    run(async () => {
      say('Sending a test…')
      say(outcomeOf((await session.call('POST /settings/contacts/{id}/test', { params })).notification))
    })
  const turn = (isOn: boolean) =>
    run(async () => {
      const body = { status: isOn ? ('active' as const) : ('inactive' as const) }
      show((await session.call('PATCH /settings/contacts/{id}', { params, body })).contact)
    })
  const renew = async () => setSecret((await session.call('POST /settings/contacts/{id}/secret', { params })).secret)
  const drop = async () => {
    await session.call('DELETE /settings/contacts/{id}', { params })
    remove(id)
  }
  return (
    <li class="contact">
      <h3>{name}</h3>
      <p class="muted">
        {kinds.find(([one]) => one === kind)?.[1]}, {placeOf(contact)}
      </p>
      <div class="row">
        <CheckField
          label={
            <span>
              Is told<span class="unseen">: {name}</span>
            </span>
          }
          value={status === 'active'}
          busy={busy}
          change={isOn => void turn(isOn)}
        />
        <button type="button" disabled={busy} onClick={() => void test()}>
          Send a test<span class="unseen"> to {name}</span>
        </button>
        {kind === 'webhook' && (
          <Confirm action="Another secret" about={`for ${name}`} title={`Give ${name} another secret?`} run={renew}>
            What was signed with the former is refused from then on.
          </Confirm>
        )}
        <Confirm action="Delete" about={name} title={`Delete ${name}?`} run={drop}>
          The policy names it no more.
        </Confirm>
      </div>
      <SigningSecret name={name} secret={secret} />
      <p role="status">{fault === null && said}</p>
      <Problem fault={fault} />
      <details>
        <summary>
          Change<span class="unseen"> {name}</span>
        </summary>
        <ContactForm
          contact={contact}
          action="Keep the changes"
          keep={async draft =>
            show((await session.call('PATCH /settings/contacts/{id}', { params, body: changesOf(draft) })).contact)
          }
        />
      </details>
    </li>
  )
}

/** What a webhook is signed with; null while it is not told. */
export const SigningSecret = ({ name, secret }: { name: string; secret: string | null }) => (
  <ToldOnce label={`What ${name} is told is signed with`} secret={secret} />
)

function outcomeOf({ status, attempts, last_error }: Notification): string {
  if (status === 'delivered') return `The test was taken after ${valueText(attempts.at(-1)?.ms ?? 0)} ms.`
  return `The test was not taken: ${last_error ?? status}`
}
