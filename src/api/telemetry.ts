import { z } from 'zod'
import { findDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { aggregate, aggregations } from '../telemetry/aggregate.js'
import { deleteReadings } from '../telemetry/delete.js'
import { fills } from '../telemetry/fill.js'
import { latestReadings, listReadings } from '../telemetry/readings.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import type { ApiContext } from './context.js'
import { longQuery } from './long-query.js'
import { checkDevice } from './rights.js'
import { byId, json, list, moment, next_cursor, page, time, unchecked } from './schemas.js'
import { endOfTime } from './time.js'

export const value = z.union([z.number(), z.boolean(), z.string()])
export const reading = z.object({
  ts: time,
  received_at: time,
  data: z.record(z.string(), value),
  metadata: json.optional(),
  quality: z.literal('received').optional().describe('The device’s time was beyond belief; ts is the receive time'),
})
const device_id = z.string()
export const fields = list(100, 'Fields')
/** `[start_time, end_time)`; everything when neither is given. */
export const range = { start_time: moment.optional(), end_time: moment.optional() }
export const readingsQuery = z.strictObject({
  ...page,
  ...range,
  fields: fields.optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
})
export const aggregateQuery = z.strictObject({
  field: list(20, 'Fields'),
  aggregation: list(aggregations.length, aggregations.join(' ')).pipe(z.array(z.enum(aggregations))),
  window: z.string().max(8).describe('10s, 15m, 1h, 1d, 1w, 1mo …'),
  start_time: moment.prefault('-1d'),
  end_time: moment.prefault('now'),
  timezone: z.string().max(64).optional().describe('IANA name; the home’s when not given'),
  fill: z.enum(fills).default('none').describe('What stands in empty windows'),
})
const point = z.object({ start: time, value: value.nullable(), count: z.int() })
const series = z.object({
  field: z.string(),
  aggregation: z.enum(aggregations),
  points: unchecked(z.array(point)),
})
export const aggregated = z.object({ device_id, window: z.string(), timezone: z.string(), series: z.array(series) })

export function telemetryRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/telemetry/:id',
    {
      config: { who: 'reader', hears: 'telemetry' },
      schema: {
        summary: 'Read the samples of a device',
        params: byId,
        querystring: readingsQuery,
        response: { 200: z.object({ device_id, telemetry: unchecked(z.array(reading)), next_cursor }) },
      },
    },
    async (request, reply) => {
      const { id, num } = checkDevice(request, await findDevice(db, request.params.id))
      const query = { ...request.query, ...wholeRange(request.query) }
      const { readings: telemetry, next_cursor } = await listReadings(longQuery(context, request, reply), num, query)
      return { device_id: id, telemetry, next_cursor }
    },
  )
  app.get(
    '/telemetry/:id/latest',
    {
      config: { who: 'reader', hears: 'telemetry' },
      schema: {
        summary: 'Read the newest value of each field',
        params: byId,
        response: {
          200: z.object({ device_id, latest: z.record(z.string(), z.object({ value, ts: time })) }),
        },
      },
    },
    async request => {
      const { id, num } = checkDevice(request, await findDevice(db, request.params.id))
      return { device_id: id, latest: await latestReadings(db, num) }
    },
  )
  app.delete(
    '/telemetry/:id',
    {
      // It goes on in steps, and asked again it is carried on where it broke off.
      config: { who: 'owner', action: 'telemetry.delete', idempotent: 'by-itself' },
      schema: {
        summary: 'Delete the samples of a range',
        params: byId,
        querystring: z.strictObject({ start_time: moment, end_time: moment }),
        response: { 200: z.object({ device_id, deleted: z.int().describe('Samples') }) },
      },
    },
    async request => {
      const { id, num, home_id } = checkDevice(request, await findDevice(db, request.params.id))
      const range = wholeRange(request.query)
      await note(request, db, { target: `device/${id}`, home_id, detail: range })
      return { device_id: id, deleted: await deleteReadings(db, num, range) }
    },
  )
  aggregatedRoute(app, context)
}

function aggregatedRoute(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/telemetry/:id/aggregated',
    {
      config: { who: 'reader', hears: 'telemetry' },
      schema: {
        summary: 'Aggregate samples over windows of time',
        params: byId,
        querystring: aggregateQuery,
        response: {
          200: aggregated,
        },
      },
    },
    async (request, reply) => {
      const { id, num, timezone: ofHome } = checkDevice(request, await findDevice(db, request.params.id))
      const { field: fields, aggregation, window, fill, timezone = ofHome } = request.query
      const query = { ...wholeRange(request.query), fields, aggregations: aggregation, window, timezone, fill }
      return {
        device_id: id,
        window,
        timezone,
        series: await aggregate(longQuery(context, request, reply), num, query),
      }
    },
  )
}

/** @throws HubError `invalid_request` when the range ends before it begins */
export function wholeRange({
  start_time = 0,
  end_time = endOfTime,
}: {
  start_time?: number | undefined
  end_time?: number | undefined
}) {
  if (start_time > end_time) throw new HubError('invalid_request', 'start_time lies after end_time.')
  return { start_time, end_time }
}
