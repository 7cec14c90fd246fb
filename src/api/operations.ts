import { z } from 'zod'
import { listAudit } from '../audit/audit.js'
import { readHead } from '../audit/head.js'
import { verifyAudit } from '../audit/verify.js'
import { homesOverview, overview, slowestDevices } from '../operations/overview.js'
import { storageOf } from '../telemetry/budget.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { id, json, moment, next_cursor, page, time } from './schemas.js'

const counts = z.record(z.string(), z.int())
const devices = z.object({ total: z.int(), by_status: counts, by_presence: counts })
const storage = z.object({
  database_bytes: z.int().describe('The database file with its write-ahead log'),
  used_bytes: z.int().describe('What of the file is in use: the budget counts this'),
  spare_bytes: z.int().describe('What in the file is free'),
  free_bytes: z.int().describe('What is free on the disk'),
  budget_bytes: z.int().nullable(),
  limited_by: z.enum(['budget', 'disk']).describe('Which is reached first'),
  bytes_per_day: z.int().nullable().describe('By which it grew in the last 7 days; null in the first hour'),
  full_at: time.nullable().describe('When the budget or the disk is reached at this rate; null when it does not grow'),
  late_samples: z.int().describe('Not kept, or not whole: the readings of their hour or field were gone already'),
})
const summary = z.object({
  devices,
  homes: z.int(),
  people: z.int(),
  commands_open: z.int(),
  alerts_open: z.int(),
  quarantined: z.int().describe('Messages that were not replayed'),
  messages_per_minute: z.number().describe('Received, over the last minute'),
  connections: z.int(),
  storage,
})
const slow = z.object({
  device_id: z.string(),
  home_id: z.string(),
  commands: z.int().describe('Settled in the last day'),
  mean_ms: z.number().describe('From sending a command to its end'),
})
const homeSummary = z.object({
  id: z.string(),
  name: z.string(),
  devices: z.int(),
  online: z.int(),
  sleeping: z.int(),
  people: z.int(),
  commands_open: z.int(),
  alerts_open: z.int(),
  quarantined: z.int(),
})
const entry = z.object({
  seq: z.int(),
  at: time,
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  action: z.string(),
  target: z.string().nullable(),
  home_id: z.string().nullable(),
  outcome: z.enum(['done', 'refused']),
  times: z.int().describe('How often in the minute that the row stands for'),
  detail: json.nullable(),
  hash: z.string(),
})
const verdict = z.object({
  ok: z.boolean(),
  rows: z.int(),
  bad: z.object({ seq: z.int(), reason: z.string() }).nullable(),
  after_head: z.int(),
})

/** What those who run the hub look at. */
export function operationRoutes(app: Api, context: ApiContext): void {
  const { store, config } = context
  const { db } = store
  app.get(
    '/ops/overview',
    {
      config: { who: 'staff' },
      schema: { summary: 'The whole hub at a glance', response: { 200: z.object({ overview: summary }) } },
    },
    async () => {
      const { messages_per_minute, connections } = context.traffic()
      const storage = await storageOf(store, config, Date.now())
      return { overview: { ...(await overview(db)), messages_per_minute, connections, storage } }
    },
  )
  app.get(
    '/ops/homes',
    {
      config: { who: 'staff' },
      schema: {
        summary: 'Every home with its numbers',
        querystring: z.strictObject(page),
        response: { 200: z.object({ homes: z.array(homeSummary), next_cursor }) },
      },
    },
    async request => {
      const { rows: homes, next_cursor } = await homesOverview(db, request.query)
      return { homes, next_cursor }
    },
  )
  app.get(
    '/admin/stats',
    {
      config: { who: 'admin' },
      schema: {
        summary: 'The broker’s counters, the slowest devices, and the process',
        response: {
          200: z.object({
            stats: z.object({ broker: json, slowest: z.array(slow), uptime_seconds: z.number(), memory: counts }),
          }),
        },
      },
    },
    async () => {
      const { rss, heapUsed, external } = process.memoryUsage()
      const memory = { rss_bytes: rss, heap_bytes: heapUsed, external_bytes: external }
      const slowest = await slowestDevices(db, Date.now() - 86_400_000)
      return { stats: { broker: { ...context.brokerStats() }, slowest, uptime_seconds: process.uptime(), memory } }
    },
  )
  app.get(
    '/ops/audit',
    {
      config: { who: 'staff' },
      schema: {
        summary: 'Who did what, the newest first',
        querystring: z.strictObject({
          ...page,
          actor_id: z.string().max(128).optional(),
          action: z.string().max(64).optional(),
          target: z.string().max(256).optional(),
          home_id: id.optional(),
          outcome: z.enum(['done', 'refused']).optional(),
          start_time: moment.optional(),
          end_time: moment.optional(),
        }),
        response: { 200: z.object({ audit: z.array(entry), next_cursor }) },
      },
    },
    async request => {
      const { rows: audit, next_cursor } = await listAudit(db, request.query)
      return { audit, next_cursor }
    },
  )
  app.get(
    '/ops/audit/verify',
    {
      config: { who: 'staff' },
      schema: { summary: 'Whether the audit is as it was written', response: { 200: z.object({ verdict }) } },
    },
    async () => {
      await context.audit_head.write()
      return { verdict: await verifyAudit(db, await readHead(config.data_dir)) }
    },
  )
}
