import { type FastifyInstance, fastify, type RouteOptions } from 'fastify'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { notFound } from '../errors.js'
import { version } from '../version.js'
import type { Api, Who } from './api.js'
import { asyncapi } from './asyncapi.js'
import { fault, jsonSchema, zodAlone } from './schemas.js'

/** The documents of all routes that are added from now on, and the page to browse them. */
export function documentRoutes(app: Api): void {
  const hidden = { config: { who: 'anyone' as const }, schema: { hide: true } }
  const routes: RouteOptions[] = []
  app.addHook('onRoute', route => void routes.push(route))
  let documents: Promise<FastifyInstance> | null = null
  app.addHook('onClose', async () => (await documents)?.close())
  for (const path of ['/openapi.json', '/docs', '/docs/*']) {
    app.get(path, hidden, async ({ url, headers }, reply) => {
      documents ??= openDocuments(routes)
      const answer = await (await documents).inject({
        url,
        headers: only(['if-none-match', 'if-modified-since'], headers),
      })
      if (answer.statusCode === 404) throw notFound('page')
      // The page writes styles of its own; nothing else of the policy is loosened for it.
      if (path !== '/openapi.json') reply.header(policy, `${reply.getHeader(policy)};style-src 'self' 'unsafe-inline'`)
      return reply.code(answer.statusCode).headers(only(told, answer.headers)).send(answer.rawPayload)
    })
  }
  app.get('/asyncapi.json', hidden, async () => asyncapi(version))
}

const policy = 'content-security-policy'
const told = ['content-type', 'location', 'etag', 'last-modified', 'cache-control']

const only = <Value>(names: readonly string[], headers: Readonly<Record<string, Value>>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)))

/** A server that knows these routes, listens nowhere and only tells. It is loaded when somebody asks: no start waits for what seldom anybody reads. */
async function openDocuments(routes: readonly RouteOptions[]): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const app = fastify({ exposeHeadRoutes: false, schemaController: zodAlone })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hearth',
        version,
        description: 'The HTTP API of a Hearth hub. Its MQTT API is in /asyncapi.json.',
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          person: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          device: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    transform: document => {
      const { schema, url } = jsonSchemaTransform(document)
      return { url, schema: { ...schema, ...described(document.route) } }
      function described({ method, config }: typeof document.route) {
        const security = securityOf(config?.who)
        return { operationId: operationIdOf(String(method), url), tags: [tagOf(url)], security, response: answers() }
      }
      function answers() {
        return { ...(schema.response as object | undefined), default: faultSchema }
      }
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { validatorUrl: null } })
  const shown = routes.filter(({ method, schema }) => method !== 'HEAD' && schema && !('hide' in schema))
  for (const { method, url, schema = {}, config = {} } of shown)
    app.route({ method, url, schema, config, handler: async () => null })
  let text = ''
  app.get('/openapi.json', { schema: { hide: true } }, async (_, reply) => reply.type('application/json').send(text))
  await app.ready()
  text = JSON.stringify(app.swagger())
  return app
}

const faultSchema = jsonSchema(fault.describe('What went wrong'))

const securityOf = (who: Who | undefined) =>
  who === 'anyone' ? [] : [{ [who === 'device' ? 'device' : 'person']: [] }]
const namesOf = (url: string) => url.replace('/api/v1', '').split('/').filter(Boolean)
const tagOf = (url: string) => namesOf(url)[0] ?? 'hub'
const operationIdOf = (method: string, url: string) =>
  [method.toLowerCase(), ...namesOf(url).map(name => name.replace(':', 'by_'))].join('_')
