import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { findDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { importReadings } from '../telemetry/import.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import { piecesOf, streamBodies } from './body.js'
import type { ApiContext } from './context.js'
import { formats } from './export.js'
import { checkDevice } from './rights.js'
import { byId } from './schemas.js'

const types = Object.keys(formats) as (keyof typeof formats)[]
const typeOf = (format: keyof typeof formats) => formats[format].replace(/;.*/, '')
/** The file itself, which is read line by line. */
const file = z.custom<IncomingMessage>().meta({ type: 'string' })
const imported = z.object({
  imported: z
    .int()
    .describe(
      'Lines that were taken: also those known already, and those of hours whose readings are gone, which count as `late_samples`',
    ),
  refused: z.array(z.object({ line: z.int(), message: z.string() })).describe('The first 20'),
  refused_count: z.int(),
})

export function importRoute(app: Api, { store }: ApiContext): void {
  streamBodies(app, types.map(typeOf))
  app.post(
    '/telemetry/:id/import',
    {
      // A sample that is there already stays one sample (D8), so that it may be sent again as it is.
      config: { who: 'owner', action: 'telemetry.import', idempotent: 'by-itself' },
      schema: {
        summary: 'Store the samples of a file as the export writes it, CSV or NDJSON',
        params: byId,
        consumes: types.map(typeOf),
        body: file,
        response: { 200: imported },
      },
    },
    async request => {
      const { id, num, home_id } = checkDevice(request, await findDevice(store.db, request.params.id))
      const format = types.find(one => request.headers['content-type']?.toLowerCase().startsWith(typeOf(one)))
      if (!format || !request.arrival) throw new HubError('invalid_request', 'The body is missing.')
      await note(request, store.db, { target: `device/${id}`, home_id, detail: { format } })
      return importReadings(store, num, format, piecesOf(request, app.closing))
    },
  )
}
