import { z } from 'zod'
import { shown } from '../alerts/alerts.js'
import { type Alert, getAlert, listAlerts } from '../alerts/rows.js'
import { stepsOf } from '../alerts/steps.js'
import { getDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { getHome } from '../homes/homes.js'
import { newId } from '../ids.js'
import { severities } from '../inbound.js'
import { alertData } from '../messages.js'
import { alertActions, alertSources, alertStatuses } from '../store/alert-tables.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import type { ApiContext } from './context.js'
import { type Asking, askerOf, checkDevice, checkRight, reachOfRequest } from './rights.js'
import { byId, id, list, moment, next_cursor, page, time } from './schemas.js'

export const severity = z.enum(severities)
const status = z.enum(alertStatuses)
const source = z.enum(alertSources)
export const key = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'is no key: letters, digits, _ . : and -, 1 to 64 characters')
const message = z.string().trim().min(1).max(1024)
const alert = z.object({
  id: z.string(),
  home_id: z.string(),
  device_id: z.string().nullable().describe('Null for the home as a whole'),
  key: z.string().describe('One alert of a key is open at most of a device, or of a home as a whole'),
  source,
  rule_id: z.string().nullable(),
  severity,
  message: z.string(),
  data: z.unknown(),
  status,
  times: z.int().describe('How often it was raised'),
  raised_at: time,
  last_raised_at: time,
  cleared_at: time.nullable().describe('Since when what it is about is over'),
  acknowledged_at: time.nullable(),
  acknowledged_by: z.string().nullable().describe('Kind and id, like person/abc'),
  escalated_at: time.nullable(),
  closed_at: time.nullable(),
  closed_by: z.string().nullable(),
  told: z.boolean().describe('Whether anybody was notified of it'),
  updated_at: time,
})
const step = z.object({
  id: z.int(),
  alert_id: z.string(),
  at: time,
  action: z.enum(alertActions),
  actor: z.string().describe('Kind and id, like person/abc'),
  status: status.describe('What it was after this step'),
  severity,
  comment: z.string().nullable(),
})
const one = z.object({ alert })
const comment = z.string().trim().min(1).max(1000)
const maybeComment = z.strictObject({ comment: comment.optional() }).nullish()
const newAlert = z
  .strictObject({
    home_id: id.optional(),
    device_id: id.optional(),
    key: key.optional().describe('Left out, the alert has a key of its own'),
    severity,
    message,
    data: alertData.nullable().default(null).describe('16 KiB of JSON at most'),
  })
  .refine(
    ({ home_id, device_id }) => (home_id === undefined) !== (device_id === undefined),
    'wants home_id or device_id',
  )
const filter = z.strictObject({
  ...page,
  home_id: id.optional(),
  device_id: id.optional(),
  key: key.optional(),
  severity: severity.optional(),
  source: source.optional(),
  status: list(alertStatuses.length, 'Statuses').pipe(z.array(status)).optional(),
  start_time: moment.optional().describe('Raised then or later'),
  end_time: moment.optional().describe('Raised before that'),
})

/** Alerts of devices are heard on their own topics as well. */
export const hears = 'alert/+'

export function alertRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/alerts',
    {
      config: { who: 'reader', hears },
      schema: {
        summary: 'List alerts, the newest first',
        querystring: filter,
        response: { 200: z.object({ alerts: z.array(alert), next_cursor }) },
      },
    },
    async request => {
      const { rows, next_cursor } = await listAlerts(db, { ...request.query, reach: reachOfRequest(request) })
      return { alerts: rows.map(shown), next_cursor }
    },
  )
  raisingRoute(app, context)
  app.get(
    '/alerts/:id',
    {
      config: { who: 'reader', hears },
      schema: { summary: 'Read an alert', params: byId, response: { 200: one } },
    },
    async request => ({ alert: shown(await alertAt(context, request, request.params.id)) }),
  )
  app.get(
    '/alerts/:id/timeline',
    {
      config: { who: 'reader', hears },
      schema: {
        summary: 'Every step of an alert: who did what, and when',
        params: byId,
        response: { 200: z.object({ alert_id: z.string(), timeline: z.array(step) }) },
      },
    },
    async request => {
      const { id: alert_id } = await alertAt(context, request, request.params.id)
      return { alert_id, timeline: await stepsOf(db, alert_id) }
    },
  )
  for (const move of moves) movingRoute(app, context, move)
  commentRoute(app, context)
}

const moves = [
  { path: 'ack', move: 'acknowledge', summary: 'Acknowledge an alert: nobody else is told of it' },
  { path: 'escalate', move: 'escalate', summary: 'Escalate an alert: the next people are told' },
  { path: 'close', move: 'close', summary: 'Close an alert' },
] as const

function movingRoute(app: Api, context: ApiContext, { path, move, summary }: (typeof moves)[number]): void {
  app.post(
    `/alerts/:id/${path}`,
    {
      config: { who: 'member', hears, action: `alert.${move}` },
      schema: { summary, params: byId, body: maybeComment, response: { 200: one } },
    },
    request => changeAlert(context, request, (id, actor) => context.alerts[move](id, actor, request.body?.comment)),
  )
}

function commentRoute(app: Api, context: ApiContext): void {
  app.post(
    '/alerts/:id/comments',
    {
      config: { who: 'member', hears, action: 'alert.comment' },
      schema: {
        summary: 'Say something about an alert',
        params: byId,
        body: z.strictObject({ comment }),
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const { comment } = request.body
      return reply
        .code(201)
        .send(await changeAlert(context, request, (id, actor) => context.alerts.comment(id, actor, comment)))
    },
  )
}

type Changing = Asking & Parameters<typeof note>[0] & { readonly params: { readonly id: string } }
type Change = (id: string, actor: string) => Promise<Alert>

/** What a person does with an alert that is theirs, and that they did. @throws HubError `not_found`, `forbidden` */
async function changeAlert(context: ApiContext, request: Changing, change: Change) {
  const { id } = await alertAt(context, request, request.params.id)
  const changed = await change(id, actorOf(request))
  await note(request, context.store.db, about(changed))
  return { alert: shown(changed) }
}

function raisingRoute(app: Api, context: ApiContext): void {
  app.post(
    '/alerts',
    {
      config: { who: 'member', hears, action: 'alert.raise' },
      schema: {
        summary: 'Raise an alert, or raise the open one of this key again',
        body: newAlert,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const { key = newId(), severity, message, data } = request.body
      const place = await placeOf(context, request, request.body)
      const what = {
        ...place,
        key,
        source: 'person',
        severity,
        message,
        data,
        at: Date.now(),
        actor: actorOf(request),
      } as const
      const raised = await context.alerts.raise(what)
      await note(request, context.store.db, about(raised))
      return reply.code(201).send({ alert: shown(raised) })
    },
  )
}

/** Where an alert shall be. @throws HubError `not_found`, `forbidden` */
async function placeOf(
  { store: { db } }: ApiContext,
  request: Asking,
  { home_id, device_id }: { home_id?: string | undefined; device_id?: string | undefined },
) {
  if (device_id !== undefined) {
    const device = checkDevice(request, await getDevice(db, device_id))
    return { home_id: device.home_id, device_id }
  }
  if (home_id === undefined) throw new HubError('invalid_request', 'An alert is of a home or of a device.')
  checkRight(request, { home_id }, 'home')
  await getHome(db, home_id)
  return { home_id, device_id: null }
}

/** An alert, where it is now. @throws HubError `not_found`, `forbidden` */
export async function alertAt({ store: { db } }: ApiContext, request: Asking, id: string): Promise<Alert> {
  const alert = await getAlert(db, id)
  const { home_id, device_id } = alert
  checkRight(request, { home_id, ...(device_id !== null && { device_id }) }, 'alert')
  return alert
}

function actorOf(request: Asking): string {
  const { kind, id } = askerOf(request)
  return `${kind}/${id}`
}

const about = ({ id, home_id, device_id, key }: Alert) => ({
  target: `alert/${id}`,
  home_id,
  detail: { key, ...(device_id !== null && { device_id }) },
})
