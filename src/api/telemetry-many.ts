import { z } from 'zod'
import { findDevices } from '../devices/devices.js'
import { latestInHome } from '../devices/latest.js'
import { notFound } from '../errors.js'
import { getHome } from '../homes/homes.js'
import { aggregate } from '../telemetry/aggregate.js'
import { listReadingsOfSeveral } from '../telemetry/readings-of-several.js'
import { checkBucketCount, parseWindow } from '../telemetry/windows.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { longQuery } from './long-query.js'
import { type Asking, checkRight, Hidden, reachOfRequest } from './rights.js'
import { byId, list, next_cursor, page, time, unchecked } from './schemas.js'
import { aggregated, aggregateQuery, reading, readingsQuery, value, wholeRange } from './telemetry.js'

const device = list(100, 'Ids of devices')
const device_id = z.string()
const latest = z.object({ device_id, latest: z.record(z.string(), z.object({ value, ts: time })) })
const config = { who: 'reader', hears: 'telemetry' } as const

/** Telemetry of more than one device at a time. */
export function telemetryOfManyRoutes(app: Api, context: ApiContext): void {
  latestRoute(app, context)
  samplesRoute(app, context)
  aggregatedRoute(app, context)
}

function latestRoute(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/homes/:id/telemetry/latest',
    {
      config,
      schema: {
        summary: 'Read the newest value of each field of all devices of a home',
        params: byId,
        querystring: z.strictObject(page),
        response: {
          200: z.object({ devices: unchecked(z.array(latest)), next_cursor }),
        },
      },
    },
    async request => {
      const { id } = await getHome(db, request.params.id)
      const reach = reachOfRequest(request)
      if (!(reach?.some(({ home_id }) => home_id === null || home_id === id) ?? true)) throw new Hidden('home')
      const { rows: devices, next_cursor } = await latestInHome(db, id, { ...request.query, reach })
      return { devices, next_cursor }
    },
  )
}

function samplesRoute(app: Api, context: ApiContext): void {
  app.get(
    '/telemetry',
    {
      config,
      schema: {
        summary: 'Read the samples of several devices, in one order of time',
        querystring: readingsQuery.extend({ device }),
        response: { 200: z.object({ telemetry: unchecked(z.array(reading.extend({ device_id }))), next_cursor }) },
      },
    },
    async (request, reply) => {
      const devices = await devicesOf(request, context, request.query.device)
      const query = { ...request.query, ...wholeRange(request.query) }
      const within = longQuery(context, request, reply)
      const ids = new Map(devices.map(({ num, id }) => [num, id]))
      const { readings: telemetry, next_cursor } = await listReadingsOfSeveral(within, ids, query)
      return { telemetry, next_cursor }
    },
  )
}

function aggregatedRoute(app: Api, context: ApiContext): void {
  app.get(
    '/telemetry/aggregated',
    {
      config,
      schema: {
        summary: 'Aggregate the samples of several devices over windows of time',
        querystring: aggregateQuery.extend({ device }),
        response: { 200: z.object({ devices: z.array(aggregated) }) },
      },
    },
    async (request, reply) => {
      const { device, field: fields, aggregation: aggregations, window, fill, timezone: named } = request.query
      const asked = await devicesOf(request, context, device)
      const range = wholeRange(request.query)
      const series = asked.length * fields.length * aggregations.length
      checkBucketCount(parseWindow(window), range.start_time, range.end_time, series)
      const within = longQuery(context, request, reply)
      const devices: z.infer<typeof aggregated>[] = []
      for (const { id, num, timezone: ofHome } of asked) {
        const timezone = named ?? ofHome
        const series = await aggregate(within, num, { ...range, fields, aggregations, window, timezone, fill })
        devices.push({ device_id: id, window, timezone, series })
      }
      return { devices }
    },
  )
}

/** The devices of a query, each once. @throws HubError `not_found` for one that is not there, or not for whoever asks */
async function devicesOf(request: Asking, { store: { db } }: ApiContext, wanted: readonly string[]) {
  const ids = [...new Set(wanted)]
  const devices = await findDevices(db, ids)
  const places = new Map(devices.map(device => [device.id, device]))
  for (const id of ids) {
    const place = places.get(id)
    if (!place) throw notFound(`device ${id}`)
    checkRight(request, { home_id: place.home_id, device_id: id }, `device ${id}`)
  }
  return devices
}
