import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type ErrorCode, HubError, statuses } from '../errors.js'
import { PayloadFault } from '../json.js'
import type { Api } from './api.js'
import { isVisit, sendPage } from './console.js'
import { methodsAt } from './declare.js'

/** Answers every error in the contract's one shape. What nobody expected is logged whole and told as `internal`. */
export function answerFaults(app: Api): void {
  app.setErrorHandler(answer)
  app.setNotFoundHandler((request, reply) => {
    if (isVisit(request)) return sendPage(reply)
    const [path = ''] = request.url.split('?', 1)
    const allowed = methodsAt(app.declared, path)
    if (allowed.length === 0) throw new HubError('not_found', 'There is nothing here.')
    throw new HubError('method_not_allowed', `${request.method} is not possible here.`, [
      `allow: ${allowed.join(', ')}`,
    ])
  })
}

export function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const told = toldAs(error, request)
  const { method, routeOptions } = request
  // Who gave up is told nothing, and nothing is wrong with that.
  const isUnheard = told.code === 'query_timeout' && reply.raw.destroyed
  if (told.status >= 500 && !isUnheard)
    request.log.error({ err: error, method, route: routeOptions.url }, 'a request failed')
  if (told.code === 'unauthorized') reply.header('www-authenticate', 'Bearer')
  if (told.code === 'method_not_allowed') reply.header('allow', told.details[0]?.slice('allow: '.length))
  reply.code(told.status).type('application/json').serializer(JSON.stringify)
  reply.send({ error: told.code, message: told.message, details: told.details })
}

function toldAs(error: unknown, request: FastifyRequest): HubError {
  if (error instanceof HubError) return error
  if (error instanceof PayloadFault) return new HubError('invalid_request', 'The body cannot be read.', [error.message])
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = { querystring: 'query', undefined: 'request' }[String(validationContext(error))]
    const context = validationContext(error)
    const known = namesIn(request.routeOptions.schema?.[context as 'body'])
    return new HubError('invalid_request', 'The request is not valid.', linesOf(error, place ?? context, known))
  }
  return isFastifyError(error) ? fastifyFault(error) : new HubError('internal', 'Internal error')
}

const validationContext = (error: object) => String('validationContext' in error ? error.validationContext : 'request')

interface Fault {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
}

/** @param known the names that the whole may have */
const linesOf = ({ validation }: { validation: readonly Fault[] }, place: string, known: readonly string[]) =>
  validation.slice(0, 50).map(({ instancePath, keyword, message = 'is not valid' }) => {
    const isWhole = instancePath === '/'
    const names = isWhole && keyword === 'unrecognized_keys' ? `; known are ${known.join(', ') || 'none'}` : ''
    return `${place}${isWhole ? '' : instancePath}: ${message}${names}`.slice(0, 500)
  })

/** The names of an object's schema, also where it may be left out. */
function namesIn(schema: unknown): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return namesIn(schema.unwrap())
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error && 'code' in error && 'statusCode' in error && Number(error.statusCode) < 500

const byStatus = new Map<number, ErrorCode>([
  [404, 'not_found'],
  [413, 'payload_too_large'],
])

/** Fastify refuses in words of its own; statuses outside the closed list are told as `invalid_request`. */
function fastifyFault({ statusCode = 400, message }: FastifyError): HubError {
  if (statusCode === 415)
    return new HubError('unsupported_media_type', 'The body must be JSON, with content-type: application/json.')
  return new HubError(byStatus.get(statusCode) ?? 'invalid_request', message)
}

/** For what is not even HTTP, or came too slowly: there is no request to answer, only a socket. */
export function answerClientError(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify({ error: 'invalid_request', message: clientFault(error.code), details: [] })
  const status = statuses.invalid_request
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.destroySoon()
}

function clientFault(code: string | undefined): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'The request came too slowly.'
  if (code === 'HPE_HEADER_OVERFLOW') return 'The header is too large.'
  return 'This is not HTTP.'
}
