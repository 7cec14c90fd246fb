import { useState } from 'preact/hooks'
import type { Contact } from '../../client/routes.js'
import { type ContactDraft, draftOf, kinds } from '../state/contacts.ts'
import { ChoiceField, TextField } from './fields.tsx'
import { Form } from './form.tsx'

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
  const change = (part: Partial<ContactDraft>) => setDraft(before => ({ ...before, ...part }))
  const send = async () => {
    await keep(draft)
    if (!contact) setDraft(draftOf(null))
  }
  return (
    <Form action={action} send={send} keeps>
      <div class="inputs">
        {!contact && <ChoiceField label="Kind" value={draft.kind} choices={kinds} change={kind => change({ kind })} />}
        <TextField label="Name" value={draft.name} required change={name => change({ name })} />
        <PlaceFields draft={draft} change={change} />
      </div>
    </Form>
  )
}

/** As long as an address may be. */
const longest = 2048

function PlaceFields({ draft, change }: { draft: ContactDraft; change: (part: Partial<ContactDraft>) => void }) {
  const { kind, url, address, server, topic, token } = draft
  const common = { required: true, most: longest, isCode: true }
  if (kind === 'webhook')
    return <TextField {...common} label="Address to post to" value={url} change={next => change({ url: next })} />
  if (kind === 'email')
    return <TextField {...common} label="E-mail address" value={address} change={next => change({ address: next })} />
  return (
    <>
      <TextField {...common} label="Server" value={server} change={next => change({ server: next })} />
      <TextField {...common} label="Topic" value={topic} most={64} change={next => change({ topic: next })} />
      <TextField
        label="Token (as it was when empty)"
        type="password"
        most={longest}
        value={token}
        change={next => change({ token: next })}
      />
    </>
  )
}
