import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import type { Api, Who } from './api.js'
import { asyncapi } from './asyncapi.js'
import { fault, jsonSchema } from './schemas.js'
import { version } from './version.js'

/** Collects the routes for `/openapi.json`. To be called before they are added. */
export async function openOpenapi(app: Api): Promise<void> {
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
}

const faultSchema = jsonSchema(fault.describe('What went wrong'))

const securityOf = (who: Who | undefined) =>
  who === 'anyone' ? [] : [{ [who === 'device' ? 'device' : 'person']: [] }]
const namesOf = (url: string) => url.replace('/api/v1', '').split('/').filter(Boolean)
const tagOf = (url: string) => namesOf(url)[0] ?? 'hub'
const operationIdOf = (method: string, url: string) =>
  [method.toLowerCase(), ...namesOf(url).map(name => name.replace(':', 'by_'))].join('_')

/** The documents and the page to browse them. */
export async function documentRoutes(app: Api): Promise<void> {
  const hidden = { config: { who: 'anyone' as const }, schema: { hide: true } }
  app.get('/', hidden, async (_, reply) => reply.redirect('/docs'))
  app.get('/openapi.json', hidden, async () => app.swagger())
  app.get('/asyncapi.json', hidden, async () => asyncapi(version))
  await app.register((docs, _, done) => {
    docs.addHook('onRoute', route => {
      route.config = { ...route.config, who: 'anyone' }
    })
    // The page writes styles of its own; nothing else of the policy is loosened for it.
    const transformStaticCSP = (policy: string) => `${policy};style-src 'self' 'unsafe-inline'`
    void docs.register(swaggerUi, { routePrefix: '/docs', uiConfig: { validatorUrl: null }, transformStaticCSP })
    done()
  })
}
