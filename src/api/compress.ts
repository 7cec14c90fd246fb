import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply } from 'fastify'
import type { Api } from './api.js'

const compressed = promisify(gzip)

/** Less than this fits into a packet or two as it is. Bytes. */
const worthIt = 2048

/**
 * Answers of lists are sent in a fifth of their bytes to whoever takes gzip. Only those to a GET: what shows a secret answers a POST, and of a
 * secret the length of what was compressed would tell (BREACH).
 */
export function compressLists(app: Api): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.method !== 'GET' || !isJson(reply) || typeof payload !== 'string' || payload.length < worthIt) {
      done()
      return
    }
    reply.header('vary', [reply.getHeader('vary') ?? [], 'Accept-Encoding'].flat().join(', '))
    if (!takesGzip(request.headers['accept-encoding'])) {
      done()
      return
    }
    compressed(payload).then(
      bytes => {
        reply.removeHeader('content-length').header('content-encoding', 'gzip')
        done(null, bytes)
      },
      error => done(error),
    )
  })
}

const isJson = (reply: FastifyReply) => `${reply.getHeader('content-type')}`.startsWith('application/json')

/** RFC 9110, 12.5.3; whoever names an encoding with a weight of 0 refuses it. */
const takesGzip = (accepted: string | string[] | undefined) =>
  `${accepted ?? ''}`.split(',').some(one => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$)[\d.]+\s*)?$/i.test(one))
