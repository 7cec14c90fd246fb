import { Readable } from 'node:stream'
import { z } from 'zod'
import { findDevice } from '../devices/devices.js'
import { csvRow } from '../telemetry/csv.js'
import { exportReadings, fieldNames, type Reading } from '../telemetry/readings.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { longQuery } from './long-query.js'
import { checkDevice } from './rights.js'
import { byId } from './schemas.js'
import { fields, range, wholeRange } from './telemetry.js'

export const formats = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' } as const

const querystring = z.strictObject({
  ...range,
  fields: fields.optional(),
  format: z.enum(['csv', 'ndjson']).default('csv'),
})
/** The file itself: its lines are not checked again on their way out. */
const stream = z.custom<Readable>().meta({ type: 'string' })
const file = {
  200: {
    description: 'One sample a line, oldest first',
    content: { 'text/csv': { schema: stream }, 'application/x-ndjson': { schema: stream } },
  },
}

export function exportRoute(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/telemetry/:id/export',
    {
      config: { who: 'reader', hears: 'telemetry' },
      schema: { summary: 'Stream the samples of a device as a file', params: byId, querystring, response: file },
    },
    async (request, reply) => {
      const { id, num } = checkDevice(request, await findDevice(db, request.params.id))
      const { format, fields } = request.query
      const whole = { ...wholeRange(request.query), fields }
      const within = longQuery(context, request, reply, 'each statement')
      const pages = exportReadings(within, num, whole)
      const lines = format === 'csv' ? csv(pages, fields ?? (await fieldNames(within, num, whole))) : ndjson(pages)
      reply.type(formats[format]).header('content-disposition', `attachment; filename="${id}.${format}"`)
      // A page is read when the socket has taken the one before, so memory stays flat however long the range is.
      // A server that closes does not wait for a ten-year export: the file ends short, and its connection with an error.
      return reply.send(Readable.from(lines, { highWaterMark: 1, signal: app.closing }))
    },
  )
}

type Pages = AsyncIterable<readonly Reading[]>

/** Columns ts, received_at, quality, then the fields. */
export async function* csv(pages: Pages, fields: readonly string[]) {
  yield csvRow(['ts', 'received_at', 'quality', ...fields])
  for await (const page of pages) {
    yield page
      .map(({ ts, received_at, quality, data }) =>
        // A field may have the name of what every object has, `constructor` for one.
        csvRow([
          ts,
          received_at,
          quality,
          ...fields.map(field => (Object.hasOwn(data, field) ? data[field] : undefined)),
        ]),
      )
      .join('')
  }
}

async function* ndjson(pages: Pages) {
  for await (const page of pages) yield page.map(reading => `${JSON.stringify(reading)}\n`).join('')
}
