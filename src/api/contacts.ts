import { z } from 'zod'
import { HubError } from '../errors.js'
import { getHome } from '../homes/homes.js'
import {
  type Contact,
  createContact,
  deleteContact,
  getContact,
  listContacts,
  newSecretOf,
  updateContact,
} from '../notifications/contacts.js'
import { contactKinds } from '../store/notification-tables.js'
import type { Api } from './api.js'
import { audited, note } from './audited.js'
import type { ApiContext } from './context.js'
import { homeFor } from './devices.js'
import { notification } from './notifications.js'
import { type Asking, askerOf, checkRight, ownHomes } from './rights.js'
import { byId, email, id, name, next_cursor, nothing, page, time, unlessMissing } from './schemas.js'

const contact = z.object({
  id: z.string(),
  home_id: z.string(),
  name: z.string(),
  kind: z.enum(contactKinds),
  url: z.string().nullable().describe('Of a webhook'),
  address: z.string().nullable().describe('Of an e-mail'),
  server: z.string().nullable().describe('Of ntfy'),
  topic: z.string().nullable().describe('Of ntfy'),
  status: z.enum(['active', 'inactive']).describe('An inactive one is told nothing'),
  created_by: z.string(),
  created_at: time,
  updated_at: time,
})
const one = z.object({ contact })
const address = z
  .url({ protocol: /^https?$/, error: unlessMissing('is no http or https address') })
  .max(2048)
  .refine(text => !/^https?:\/\/[^/?#]*@/i.test(text), 'holds a password: there is a place of its own for secrets')
const where = {
  url: address.describe('Where to POST'),
  address: email,
  server: address.describe('Of ntfy, like https://ntfy.sh'),
  topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, 'is no topic: letters, digits, _ and -, 1 to 64 characters'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, 'is no token')
    .describe('What the ntfy server wants to see; told to nobody else'),
}
const about = { home_id: id.optional().describe('My only home, or the first home of all, when left out'), name }
const newContact = z.discriminatedUnion('kind', [
  z.strictObject({ ...about, kind: z.literal('webhook'), url: where.url }),
  z.strictObject({ ...about, kind: z.literal('email'), address: where.address }),
  z.strictObject({
    ...about,
    kind: z.literal('ntfy'),
    server: where.server,
    topic: where.topic,
    token: where.token.optional(),
  }),
])
const changes = z
  .strictObject({ ...where, token: where.token.nullable(), name, status: z.enum(['active', 'inactive']) })
  .partial()
const secret = z.string().describe('What a webhook is signed with, shown here and never again')

/** Whom a home tells of its alerts. */
export function contactRoutes(app: Api, context: ApiContext): void {
  const { seal, config } = context
  const { db } = context.store
  app.get(
    '/settings/contacts',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'List the contacts of my homes',
        querystring: z.strictObject({ ...page, home_id: id.optional() }),
        response: { 200: z.object({ contacts: z.array(contact), next_cursor }) },
      },
    },
    async request => {
      const { home_id, ...asked } = request.query
      const { rows: contacts, next_cursor } = await listContacts(db, { ...asked, homes: ownHomes(request, home_id) })
      return { contacts, next_cursor }
    },
  )
  app.post(
    '/settings/contacts',
    {
      config: { who: 'owner', action: 'contact.create', showsSecret: true },
      schema: {
        summary: 'Make a contact: a webhook, an e-mail address, or a topic of ntfy',
        body: newContact,
        response: { 201: z.object({ contact, secret: secret.nullable() }) },
      },
    },
    async (request, reply) => {
      const { home_id = homeFor(askerOf(request)), ...wanted } = request.body
      checkRight(request, { home_id }, 'home')
      await getHome(db, home_id)
      if (wanted.kind === 'email' && !config.smtp_url)
        throw new HubError('invalid_request', 'The hub sends no e-mail: HEARTH_SMTP_URL is not set.')
      const created_by = askerOf(request).id
      const made = await audited(
        request,
        db,
        tx => createContact(tx, seal, { ...wanted, home_id, created_by }),
        ({ contact }) => aboutContact(contact),
      )
      return reply.code(201).send(made)
    },
  )
  byIdRoutes(app, context)
  secretRoutes(app, context)
}

function byIdRoutes(app: Api, context: ApiContext): void {
  const { seal } = context
  const { db } = context.store
  app.get(
    '/settings/contacts/:id',
    { config: { who: 'owner' }, schema: { summary: 'Read a contact', params: byId, response: { 200: one } } },
    async request => ({ contact: await contactAt(context, request, request.params.id) }),
  )
  app.patch(
    '/settings/contacts/:id',
    {
      config: { who: 'owner', action: 'contact.change' },
      schema: { summary: 'Change a contact', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id } = await contactAt(context, request, request.params.id)
      return { contact: await audited(request, db, tx => updateContact(tx, seal, id, request.body), aboutContact) }
    },
  )
  app.delete(
    '/settings/contacts/:id',
    {
      config: { who: 'owner', action: 'contact.delete' },
      schema: {
        summary: 'Delete a contact; the policy names it no more',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const known = await contactAt(context, request, request.params.id)
      await audited(request, db, tx => deleteContact(tx, known), aboutContact(known))
      return reply.code(204).send(null)
    },
  )
}

function secretRoutes(app: Api, context: ApiContext): void {
  const { seal, notifier } = context
  const { db } = context.store
  app.post(
    '/settings/contacts/:id/secret',
    {
      config: { who: 'owner', action: 'contact.secret', showsSecret: true },
      schema: {
        summary: 'Give a webhook another secret; the former signs nothing more',
        params: byId,
        response: { 200: z.object({ contact, secret }) },
      },
    },
    async request => {
      const { id } = await contactAt(context, request, request.params.id)
      return audited(
        request,
        db,
        tx => newSecretOf(tx, seal, id),
        ({ contact }) => aboutContact(contact),
      )
    },
  )
  app.post(
    '/settings/contacts/:id/test',
    {
      config: { who: 'owner', action: 'contact.test' },
      schema: {
        summary: 'Send a test to a contact, once, and say what became of it',
        params: byId,
        response: { 200: z.object({ notification }) },
      },
    },
    async request => {
      const known = await contactAt(context, request, request.params.id)
      await note(request, db, aboutContact(known))
      return { notification: await notifier.test(known, await getHome(db, known.home_id)) }
    },
  )
}

/** A contact in a home of whoever asks. @throws HubError `not_found`, `forbidden` */
async function contactAt({ store: { db } }: ApiContext, request: Asking, id: string): Promise<Contact> {
  const known = await getContact(db, id)
  checkRight(request, { home_id: known.home_id }, 'contact')
  return known
}

/** Without where it is: an address may be a secret itself. */
const aboutContact = ({ id, home_id, name, kind }: Contact) => ({
  target: `contact/${id}`,
  home_id,
  detail: { name, kind },
})
