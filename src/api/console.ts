import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Api } from './api.js'

const hidden = { config: { who: 'anyone' as const }, schema: { hide: true } }
/** Their names hold a digest of what is in them. */
const forEver = { cacheControl: true, maxAge: '1y', immutable: true } as const
const assetName = /^[\w-]+(?:\.[\w-]+)+$/
const root = fileURLToPath(new URL('.', import.meta.resolve('#console/index.html')))

/** The console: one page that finds its way by itself, and what it loads. */
export async function consoleRoutes(app: Api): Promise<void> {
  await app.register(fastifyStatic, { root, serve: false, preCompressed: true, etag: true })
  app.get('/', hidden, (_, reply) => sendPage(reply))
  app.get<{ Params: { '*': string } }>('/assets/*', hidden, ({ params: { '*': name } }, reply) =>
    assetName.test(name) ? reply.sendFile(`assets/${name}`, forEver) : reply.callNotFound(),
  )
}

/** The page, for every address under which a browser visits it. */
export function sendPage(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-cache').sendFile('index.html', { cacheControl: false })
}

/** Whether somebody visits an address with a browser, which is none of the API. */
export function isVisit({ method, url, headers }: FastifyRequest): boolean {
  const isOfConsole = !/^\/(api|docs|assets|mqtt)(\/|$|\?)/.test(url)
  return (method === 'GET' || method === 'HEAD') && isOfConsole && /\btext\/html\b/.test(headers.accept ?? '')
}
