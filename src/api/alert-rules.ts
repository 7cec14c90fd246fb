import { z } from 'zod'
import { findDevice, getDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { getHome, timezoneOf } from '../homes/homes.js'
import { homesOf } from '../rights.js'
import { type Condition, condition, conditionDocument } from '../rules/condition.js'
import { activeHours, Hours } from '../rules/hours.js'
import { messageFault } from '../rules/message.js'
import { maxReplay, replay } from '../rules/replay.js'
import { createRule, deleteRule, getRule, listRules, type Rule, updateRule } from '../rules/rules.js'
import { key, severity } from './alerts.js'
import type { Api } from './api.js'
import { audited, note } from './audited.js'
import type { ApiContext } from './context.js'
import { groupAt } from './groups.js'
import { longQuery } from './long-query.js'
import { type Asking, askerOf, checkDevice, checkRight } from './rights.js'
import { byId, id, json, momentInBody, name, next_cursor, nothing, page, time } from './schemas.js'

const shown = {
  device_id: z.string().nullable(),
  group_id: z.string().nullable().describe('Its devices that are in the home'),
  type: z.string().nullable().describe('Only devices of this type'),
}
const rule = z.object({
  id: z.string(),
  home_id: z.string(),
  ...shown,
  name: z.string(),
  enabled: z.boolean(),
  severity,
  message: z.string().nullable(),
  key: z.string().describe('Of the alerts that it raises'),
  condition: z.custom<Condition>().meta(conditionDocument),
  active_hours: activeHours.nullable(),
  clear_after_seconds: z.number(),
  auto_clear: z.boolean(),
  created_by: z.string(),
  created_at: time,
  updated_at: time,
})
const one = z.object({ rule })
const message = z
  .string()
  .trim()
  .min(1)
  .max(512)
  .superRefine((text, context) => {
    const fault = messageFault(text)
    if (fault) context.addIssue(fault)
  })
  .nullable()
  .describe(
    '{device}, {device_id}, {rule}, {field}, {value} and {reason} are filled in; null for words of the hub’s own',
  )
const timing = {
  condition,
  active_hours: activeHours.nullable().default(null),
  clear_after_seconds: z.number().min(0).max(86_400).default(0).describe('How long it must have been over'),
}
const newRule = z
  .strictObject({
    home_id: id.optional().describe('That of the device when left out'),
    device_id: id.optional().describe('For this device alone'),
    group_id: id
      .optional()
      .describe('For those of a group that are in the home; for all devices of the home without both'),
    type: z.string().min(1).max(128).optional().describe('Only for devices of this type'),
    name,
    enabled: z.boolean().default(true),
    severity: severity.default('warning'),
    message: message.default(null),
    key: key.optional().describe('`rule-{id}` when left out'),
    ...timing,
    auto_clear: z.boolean().default(true).describe('Whether the alert is cleared when it is over'),
  })
  .refine(
    ({ device_id, group_id }) => device_id === undefined || group_id === undefined,
    'wants one of device_id and group_id',
  )
  .refine(({ device_id, home_id }) => device_id !== undefined || home_id !== undefined, 'wants home_id or device_id')
const changes = z.strictObject({
  name: name.optional(),
  enabled: z.boolean().optional(),
  severity: severity.optional(),
  message: message.optional(),
  key: key.optional(),
  condition: condition.optional(),
  active_hours: activeHours.nullable().optional(),
  clear_after_seconds: timing.clear_after_seconds.unwrap().optional(),
  auto_clear: z.boolean().optional(),
})
const wantedTest = z.strictObject({ device_id: id, ...timing, start_time: momentInBody, end_time: momentInBody })
const test = z.object({
  device_id: z.string(),
  active_at_start: z.boolean(),
  transitions: z.array(z.object({ kind: z.enum(['raised', 'cleared']), at: time, reason: z.string(), values: json })),
  moments: z.int().describe('What the device had said, and was gone through'),
  until: time.describe('How far the period was gone through: to its end, unless there was too much'),
})

/** Rules that raise alerts by themselves. Whoever reads a home reads its rules; its owners change them. */
export function alertRuleRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/alert-rules',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List rules',
        querystring: z.strictObject({
          ...page,
          home_id: id.optional(),
          device_id: id.optional(),
          group_id: id.optional(),
        }),
        response: { 200: z.object({ rules: z.array(rule), next_cursor }) },
      },
    },
    async request => {
      const { rows: rules, next_cursor } = await listRules(db, { ...request.query, homes: homesOf(askerOf(request)) })
      return { rules, next_cursor }
    },
  )
  app.post(
    '/alert-rules',
    {
      config: { who: 'owner', action: 'alert_rule.create' },
      schema: {
        summary: 'Make a rule for a device, a group or a home',
        body: newRule,
        response: { 201: one },
      },
    },
    async (request, reply) => {
      const scope = await scopeOf(context, request, request.body)
      const { type = null, ...rest } = request.body
      const wanted = { ...rest, ...scope, type, created_by: askerOf(request).id }
      const made = await audited(request, db, tx => createRule(tx, wanted), about)
      context.rulesChanged()
      return reply.code(201).send({ rule: made })
    },
  )
  byIdRoutes(app, context)
  testRoute(app, context)
}

function byIdRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/alert-rules/:id',
    { config: { who: 'reader' }, schema: { summary: 'Read a rule', params: byId, response: { 200: one } } },
    async request => ({ rule: await ruleAt(context, request, request.params.id) }),
  )
  app.patch(
    '/alert-rules/:id',
    {
      config: { who: 'owner', action: 'alert_rule.change' },
      schema: { summary: 'Change a rule, or switch it on or off', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id } = await ruleAt(context, request, request.params.id)
      const changed = await audited(request, db, tx => updateRule(tx, id, request.body), about)
      context.rulesChanged()
      return { rule: changed }
    },
  )
  app.delete(
    '/alert-rules/:id',
    {
      config: { who: 'owner', action: 'alert_rule.delete' },
      schema: {
        summary: 'Delete a rule; alerts of it that are open are cleared',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const rule = await ruleAt(context, request, request.params.id)
      await audited(request, db, tx => deleteRule(tx, rule.id), about(rule))
      context.rulesChanged()
      return reply.code(204).send(null)
    },
  )
}

function testRoute(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.post(
    '/alert-rules/test',
    {
      config: { who: 'reader', hears: 'telemetry', action: 'alert_rule.test' },
      schema: {
        summary: 'Replay a recorded period: would a rule have raised its alert, and when?',
        body: wantedTest,
        response: { 200: test },
      },
    },
    async (request, reply) => {
      const { device_id, active_hours, clear_after_seconds, start_time, end_time, ...wanted } = request.body
      const device = checkDevice(request, await findDevice(db, device_id))
      if (start_time >= end_time || end_time - start_time > maxReplay.ms)
        throw new HubError(
          'invalid_request',
          `A period begins before it ends, and lasts ${maxReplay.days} days at most.`,
        )
      const timezone = await timezoneOf(db, device.home_id)
      const timing = {
        ...wanted,
        hours: active_hours && new Hours(active_hours, timezone),
        clear_after_ms: clear_after_seconds * 1000,
      }
      const found = await replay(longQuery(context, request, reply), device, timing, { start_time, end_time })
      await note(request, db, { target: `device/${device_id}`, home_id: device.home_id })
      return { device_id, ...found, transitions: [...found.transitions] }
    },
  )
}

interface Scope {
  readonly home_id?: string | undefined
  readonly device_id?: string | undefined
  readonly group_id?: string | undefined
}

/** What a rule shall apply to. @throws HubError `not_found`, `forbidden`; `invalid_request` when a device is elsewhere */
async function scopeOf({ store: { db } }: ApiContext, request: Asking, { home_id, device_id, group_id }: Scope) {
  if (device_id !== undefined) {
    const device = checkDevice(request, await getDevice(db, device_id))
    if (home_id !== undefined && home_id !== device.home_id)
      throw new HubError('invalid_request', 'The device is in another home.')
    checkRight(request, { home_id: device.home_id }, 'device')
    return { home_id: device.home_id, device_id, group_id: null }
  }
  const home = home_id ?? ''
  checkRight(request, { home_id: home }, 'home')
  await getHome(db, home)
  if (group_id !== undefined) await groupAt(db, request, group_id)
  return { home_id: home, device_id: null, group_id: group_id ?? null }
}

/** @throws HubError `not_found`, `forbidden` */
async function ruleAt({ store: { db } }: ApiContext, request: Asking, id: string): Promise<Rule> {
  const rule = await getRule(db, id)
  checkRight(request, { home_id: rule.home_id }, 'rule')
  return rule
}

const about = ({ id, home_id, device_id, group_id, name }: Rule) => ({
  target: `alert_rule/${id}`,
  home_id,
  detail: { name, ...(device_id !== null && { device_id }), ...(group_id !== null && { group_id }) },
})
