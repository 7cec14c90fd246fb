import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { withoutContact } from './policies.js'
import type { Seal } from './seal.js'

/** A contact as the API shows it: never its secret. */
export type Contact = Omit<Selectable<Tables['contacts']>, 'sealed'>
/** With what it takes to send to it. */
export type SealedContact = Selectable<Tables['contacts']>

/** Where a contact is reached, by its kind. */
type Where =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'email'; readonly address: string }
  | { readonly kind: 'ntfy'; readonly server: string; readonly topic: string; readonly token?: string | undefined }
export type NewContact = Where & Pick<Contact, 'home_id' | 'name' | 'created_by'>

const maxContacts = 100
const shown = ['id', 'home_id', 'name', 'kind', 'url', 'address', 'server', 'topic', 'status'] as const
const columns = [...shown, 'created_by', 'created_at', 'updated_at'] as const
const nowhere = { url: null, address: null, server: null, topic: null }

/** What a webhook is signed with, spelled as Standard Webhooks has it. */
const newSigningSecret = () => `whsec_${randomBytes(24).toString('base64')}`

/**
 * @returns the contact, and of a webhook the secret that it is signed with, here and never again
 * @throws HubError `conflict` when the home has 100 contacts
 */
export async function createContact(
  db: Db,
  seal: Seal,
  wanted: NewContact,
): Promise<{ contact: Contact; secret: string | null }> {
  const { kind, home_id, name, created_by, token, ...where } = { token: undefined, ...wanted }
  const secret = kind === 'webhook' ? newSigningSecret() : null
  const kept = secret ?? token
  const now = Date.now()
  const contact: Contact = {
    id: newId(),
    home_id,
    name,
    kind,
    ...nowhere,
    ...where,
    status: 'active',
    created_by,
    created_at: now,
    updated_at: now,
  }
  return inTransaction(db, async tx => {
    const { held } = await tx
      .selectFrom('contacts')
      .select(eb => eb.fn.countAll<number>().as('held'))
      .where('home_id', '=', home_id)
      .executeTakeFirstOrThrow()
    if (held >= maxContacts) throw new HubError('conflict', `The home has ${maxContacts} contacts already.`)
    const sealed = kept === undefined ? null : seal.seal(kept)
    await tx
      .insertInto('contacts')
      .values({ ...contact, sealed })
      .execute()
    return { contact, secret }
  })
}

/** @param homes those to choose from; null for all */
export async function listContacts(
  db: Db,
  { homes, limit, cursor }: PageRequest & { homes: readonly string[] | null },
): Promise<Page<Contact>> {
  let query = db.selectFrom('contacts').select(columns).orderBy('id')
  if (homes) query = query.where('home_id', 'in', homes)
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id })
}

/** @throws HubError `not_found` */
export async function getContact(db: Db, id: string): Promise<Contact> {
  const row = await db.selectFrom('contacts').select(columns).where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('contact')
  return row
}

/** What may be changed; what belongs to another kind of contact is refused. A token of null takes the token away. */
export type ContactChanges = {
  readonly [Name in 'name' | 'status' | 'url' | 'address' | 'server' | 'topic']?: NonNullable<Contact[Name]> | undefined
} & { readonly token?: string | null | undefined }

const own: Readonly<Record<Contact['kind'], readonly string[]>> = {
  webhook: ['url'],
  email: ['address'],
  ntfy: ['server', 'topic', 'token'],
}

/** @throws HubError `not_found`; `invalid_request` when the kind has no such thing */
export async function updateContact(db: Db, seal: Seal, id: string, changes: ContactChanges): Promise<Contact> {
  return inTransaction(db, async tx => {
    const { kind } = await getContact(tx, id)
    const { token, ...set } = changes
    const foreign = Object.keys(changes).filter(name => !['name', 'status', ...own[kind]].includes(name))
    if (foreign.length > 0)
      throw new HubError(
        'invalid_request',
        `A contact of the kind ${kind} has no such thing.`,
        foreign.map(name => `body/${name}: is of another kind`),
      )
    const sealed = token === undefined ? {} : { sealed: token === null ? null : seal.seal(token) }
    await tx
      .updateTable('contacts')
      .set({ ...set, ...sealed, updated_at: Date.now() })
      .where('id', '=', id)
      .execute()
    return getContact(tx, id)
  })
}

/** Another secret for a webhook; the former signs nothing more. @throws HubError `not_found`, `conflict` when it is no webhook */
export async function newSecretOf(db: Db, seal: Seal, id: string): Promise<{ contact: Contact; secret: string }> {
  const { kind } = await getContact(db, id)
  if (kind !== 'webhook') throw new HubError('conflict', 'Only webhooks are signed.')
  const secret = newSigningSecret()
  await db
    .updateTable('contacts')
    .set({ sealed: seal.seal(secret), updated_at: Date.now() })
    .where('id', '=', id)
    .execute()
  return { contact: await getContact(db, id), secret }
}

/**
 * Deletes a contact: the home's policy names it no more, and what waited to be sent to it is cancelled.
 * @throws HubError `conflict` when a step of the policy would tell nobody without it
 */
export async function deleteContact(db: Db, { id, home_id }: Pick<Contact, 'id' | 'home_id'>): Promise<void> {
  await inTransaction(db, async tx => {
    await tx
      .updateTable('notifications')
      .set({ status: 'cancelled', next_at: null, settled_at: Date.now(), last_error: 'the contact was deleted' })
      .where('contact_id', '=', id)
      .where('status', 'in', ['pending', 'sending'])
      .execute()
    await withoutContact(tx, home_id, id)
    await tx.deleteFrom('contacts').where('id', '=', id).execute()
  })
}
