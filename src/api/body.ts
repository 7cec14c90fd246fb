import type { IncomingMessage } from 'node:http'
import { addAbortSignal } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { HubError } from '../errors.js'
import { maxPayloadBytes, parseJson } from '../json.js'
import type { Api } from './api.js'
import { answerClientError } from './faults.js'

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

/** Within this scope a body is of one of these kinds, is read while it comes, and is as long as it likes. */
export function streamBodies(app: Api, types: readonly string[]): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser([...types], async (request: Encoded, body: IncomingMessage) => {
    refuseEncoded(request)
    return body
  })
  app.addContentTypeParser('*', async () => {
    throw new HubError('unsupported_media_type', `The body must be ${types.join(' or ')}.`)
  })
}

/** The pieces of a body as they come; none is read before the one before has been dealt with. */
export async function* piecesOf({ raw, arrival }: FastifyRequest, closing: AbortSignal): AsyncGenerator<Buffer> {
  addAbortSignal(closing, raw)
  try {
    // Whoever stops reading wants to answer: the connection stays.
    for await (const piece of raw.iterator({ destroyOnReturn: false })) {
      arrival?.take()
      yield piece
      arrival?.await()
    }
  } catch (cause) {
    if (closing.aborted) throw new HubError('shutting_down', 'The hub is shutting down.', [], cause)
    throw new HubError('invalid_request', 'The body broke off before its end.', [], cause)
  } finally {
    arrival?.await()
  }
}

/**
 * Ends a connection on which a body does not come whole within `ms`; one that is read while it comes, each time that the next piece is
 * awaited. Node's own `requestTimeout` knows no such exception.
 */
export function hurryBodies(app: Api, ms: number): void {
  app.decorateRequest('arrival', null)
  app.addHook('onRequest', async request => {
    const { 'content-length': length = '0', 'transfer-encoding': chunked } = request.raw.headers
    if (length !== '0' || chunked) request.arrival = new Arrival(request.raw, ms)
  })
}

/** Watches a body on its way. */
export class Arrival {
  readonly #request: IncomingMessage
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  constructor(request: IncomingMessage, ms: number) {
    this.#request = request
    this.#ms = ms
    this.await()
    request.once('close', () => this.take())
  }

  /** More is awaited from now on, if there is more. */
  await(): void {
    this.take()
    if (this.#request.complete || this.#request.destroyed) return
    this.#timer = setTimeout(() => this.#giveUp(), this.#ms)
  }

  /** Something has come and is dealt with. */
  take(): void {
    clearTimeout(this.#timer)
  }

  #giveUp(): void {
    if (!this.#request.complete) answerClientError({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, this.#request.socket)
  }
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
