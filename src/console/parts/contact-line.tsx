import { useState } from 'preact/hooks'
import type { Contact, Notification } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { changesOf, kinds, placeOf } from '../state/contacts.ts'
import { session } from '../state/session.ts'
import { valueText } from '../state/words.ts'
import { AskTwice } from './ask-twice.tsx'
import { ContactForm } from './contact-form.tsx'
import { Refused } from './refused.tsx'

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
  const renew = () =>
    run(async () => setSecret((await session.call('POST /settings/contacts/{id}/secret', { params })).secret))
  const drop = async () => {
    if (await run(() => session.call('DELETE /settings/contacts/{id}', { params }))) remove(id)
  }
  return (
    <li class="contact">
      <h3>{name}</h3>
      <p class="muted">
        {kinds.find(([one]) => one === kind)?.[1]}, {placeOf(contact)}
      </p>
      <div class="row">
        <label class="tick">
          <input
            type="checkbox"
            checked={status === 'active'}
            disabled={busy}
            onChange={event => void turn(event.currentTarget.checked)}
          />
          Is told<span class="unseen">: {name}</span>
        </label>
        <button type="button" disabled={busy} onClick={() => void test()}>
          Send a test<span class="unseen"> to {name}</span>
        </button>
        {kind === 'webhook' && (
          <AskTwice
            name="Another secret"
            question={`Give ${name} another secret? What was signed with the former is refused from then on.`}
            busy={busy}
            act={() => void renew()}
          />
        )}
        <AskTwice
          name="Delete"
          question={`Delete ${name}? The policy names it no more.`}
          busy={busy}
          act={() => void drop()}
        />
      </div>
      {secret !== null && <Secret secret={secret} />}
      <p role="status">{fault === null && said}</p>
      <Refused fault={fault} />
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

/** What a webhook is signed with. */
export function Secret({ secret }: { secret: string }) {
  return (
    <p class="told-secret" role="status">
      What it is told is signed with <code>{secret}</code>. Keep it now: it is shown here and never again.
    </p>
  )
}

function outcomeOf({ status, attempts, last_error }: Notification): string {
  if (status === 'delivered') return `The test was taken after ${valueText(attempts.at(-1)?.ms ?? 0)} ms.`
  return `The test was not taken: ${last_error ?? status}`
}
