import { HubError } from '../errors.js'
import { maxPayloadBytes, parseJson } from '../json.js'
import type { Api } from './api.js'

/** Bodies are JSON and nothing else, read by the same strict parser as the messages of devices. An empty one counts as none. */
export function readJsonBodies(app: Api): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: Encoded, body: Buffer) => {
    refuseEncoded(request)
    return body.length === 0 ? undefined : parseJson(body, bodyLimit)
  })
}

/** Within this scope bodies are kept as they came: what devices send is judged, and quarantined, like what comes by MQTT. */
export function keepJsonBodies(app: Api): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: maxPayloadBytes },
    async (request: Encoded, body: Buffer) => {
      refuseEncoded(request)
      return body
    },
  )
}

/** The size of a body, in bytes. */
export const bodyLimit = 1024 * 1024

interface Encoded {
  readonly headers: { readonly 'content-encoding'?: string | undefined }
}

function refuseEncoded({ headers }: Encoded): void {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return
  throw new HubError('unsupported_media_type', 'Compressed bodies are not supported.')
}
