import { z } from 'zod'
import { getNotification, listNotifications, retry } from '../notifications/notifications.js'
import { contactKinds, notificationEvents, notificationStatuses } from '../store/notification-tables.js'
import { alertAt, hears } from './alerts.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { byId, id, next_cursor, page, time } from './schemas.js'

export const notification = z.object({
  id: z.string().describe('What a receiver may know it by when it comes again'),
  home_id: z.string(),
  alert_id: z.string().nullable().describe('Null for a test'),
  contact_id: z.string().nullable().describe('Null when the contact was deleted'),
  contact_name: z.string(),
  kind: z.enum(contactKinds),
  event: z.enum(notificationEvents),
  round: z.int().describe('Of the alert: one more when it was raised again, or became more severe'),
  step: z.int().describe('Of the policy, from 0; reminders count on'),
  status: z.enum(notificationStatuses),
  attempts: z.array(
    z.object({
      attempt: z.int(),
      at: time,
      ms: z.int().describe('How long it took'),
      fault: z.string().nullable().describe('Null when it was taken'),
    }),
  ),
  next_at: time.nullable().describe('When it is sent, or sent again'),
  last_error: z.string().nullable(),
  created_at: time,
  settled_at: time.nullable(),
})
const one = z.object({ notification })
const several = z.object({ notifications: z.array(notification), next_cursor })

/** What became of what people were told. */
export function notificationRoutes(app: Api, context: ApiContext): void {
  const { config, notifier } = context
  const { db } = context.store
  app.get(
    '/alerts/:id/notifications',
    {
      config: { who: 'reader', hears },
      schema: {
        summary: 'Who was told of an alert, the newest first',
        params: byId,
        querystring: z.strictObject(page),
        response: { 200: several },
      },
    },
    async request => {
      const { id: alert_id } = await alertAt(context, request, request.params.id)
      const { rows: notifications, next_cursor } = await listNotifications(db, { ...request.query, alert_id })
      return { notifications, next_cursor }
    },
  )
  app.get(
    '/ops/notifications',
    {
      config: { who: 'staff' },
      schema: {
        summary: 'List what was to be told, the newest first; the dead when nothing else is asked for',
        querystring: z.strictObject({
          ...page,
          status: z.enum(notificationStatuses).default('dead'),
          home_id: id.optional(),
        }),
        response: { 200: several },
      },
    },
    async request => {
      const { rows: notifications, next_cursor } = await listNotifications(db, request.query)
      return { notifications, next_cursor }
    },
  )
  app.post(
    '/ops/notifications/:id/retry',
    {
      config: { who: 'staff', action: 'notification.retry' },
      schema: { summary: 'Send a dead one again, as often as a new one', params: byId, response: { 200: one } },
    },
    async request => {
      const { id, home_id } = await getNotification(db, request.params.id)
      const about = { target: `notification/${id}`, home_id }
      const tried = await audited(request, db, tx => retry(tx, id, config.notify_attempts), about)
      notifier.wake()
      return { notification: tried }
    },
  )
}
