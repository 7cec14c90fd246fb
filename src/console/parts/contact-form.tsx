import { useState } from 'preact/hooks'
import type { Contact } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { type ContactDraft, draftOf, kinds } from '../state/contacts.ts'
import { ChoiceField, TextField } from './fields.tsx'
import { Refused } from './refused.tsx'

interface ContactFormOptions {
  /** The one to be changed; null for a new one. */
  readonly contact: Contact | null
  /** What the button says. */
  readonly action: string
  readonly keep: (draft: ContactDraft) => Promise<unknown>
}

/** Whom to tell, and where. */
export function ContactForm({ contact, action, keep }: ContactFormOptions) {
  const [draft, setDraft] = useState(draftOf(contact))
  const { busy, fault, run } = useAction()
  const change = (part: Partial<ContactDraft>) => setDraft(before => ({ ...before, ...part }))
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if ((await run(() => keep(draft))) && !contact) setDraft(draftOf(null))
  }
  return (
    <form class="upright" onSubmit={event => void submit(event)}>
      <div class="inputs">
        {!contact && <ChoiceField label="Kind" value={draft.kind} choices={kinds} change={kind => change({ kind })} />}
        <TextField label="Name" value={draft.name} required most={128} change={name => change({ name })} />
        <PlaceFields draft={draft} change={change} />
      </div>
      <Refused fault={fault} />
      <button type="submit" disabled={busy}>
        {action}
      </button>
    </form>
  )
}

function PlaceFields({ draft, change }: { draft: ContactDraft; change: (part: Partial<ContactDraft>) => void }) {
  const { kind, url, address, server, topic, token } = draft
  if (kind === 'webhook')
    return <TextField label="Address to post to" value={url} required change={next => change({ url: next })} />
  if (kind === 'email')
    return <TextField label="E-mail address" value={address} required change={next => change({ address: next })} />
  return (
    <>
      <TextField label="Server" value={server} required change={next => change({ server: next })} />
      <TextField label="Topic" value={topic} required most={64} change={next => change({ topic: next })} />
      <label>
        Token (as it was when empty)
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={event => change({ token: event.currentTarget.value })}
        />
      </label>
    </>
  )
}
