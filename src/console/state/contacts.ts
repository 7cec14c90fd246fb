import type { Contact, Routes } from '../../client/routes.js'
import { everyPage } from './pages.ts'
import { session } from './session.ts'

export const kinds = [
  ['webhook', 'Webhook'],
  ['email', 'E-mail'],
  ['ntfy', 'ntfy'],
] as const satisfies readonly (readonly [Contact['kind'], string])[]

/** A contact as it is written. */
export interface ContactDraft {
  readonly kind: Contact['kind']
  readonly name: string
  readonly url: string
  readonly address: string
  readonly server: string
  readonly topic: string
  /** Never told by the hub: empty is as it was. */
  readonly token: string
}

export const draftOf = (contact: Contact | null): ContactDraft => ({
  kind: contact?.kind ?? 'webhook',
  name: contact?.name ?? '',
  url: contact?.url ?? '',
  address: contact?.address ?? '',
  server: contact?.server ?? 'https://ntfy.sh',
  topic: contact?.topic ?? '',
  token: '',
})

export function newContactOf(home_id: string, draft: ContactDraft): Routes['POST /settings/contacts']['body'] {
  const { kind, name, url, address, server, topic, token } = draft
  if (kind === 'webhook') return { home_id, kind, name, url }
  if (kind === 'email') return { home_id, kind, name, address }
  return { home_id, kind, name, server, topic, ...(token !== '' && { token }) }
}

export function changesOf(draft: ContactDraft): Routes['PATCH /settings/contacts/{id}']['body'] {
  const { kind, name, url, address, server, topic, token } = draft
  if (kind === 'webhook') return { name, url }
  if (kind === 'email') return { name, address }
  return { name, server, topic, ...(token !== '' && { token }) }
}

/** Where a contact is reached. */
export const placeOf = ({ url, address, server, topic }: Contact): string =>
  url ?? address ?? `${(server ?? '').replace(/\/$/, '')}/${topic ?? ''}`

/** @throws HubError, as the hub gives it */
export const readContacts = (home_id: string): Promise<Contact[]> =>
  everyPage(async page => {
    const { contacts: rows, next_cursor } = await session.call('GET /settings/contacts', {
      query: { ...page, home_id },
    })
    return { rows, next_cursor }
  })
