import { setMaxListeners } from 'node:events'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import helmet from 'helmet'
import type { Config } from '../../config/config.js'
import { newSortableId } from '../ids.js'
import { alertRuleRoutes } from './alert-rules.js'
import { alertRoutes } from './alerts.js'
import type { Api } from './api.js'
import { authRoutes } from './auth.js'
import { bodyLimit, hurryBodies, readJsonBodies } from './body.js'
import { claimRoutes } from './claims.js'
import { commandRoutes } from './commands.js'
import { compressLists } from './compress.js'
import { consoleRoutes } from './console.js'
import { contactRoutes } from './contacts.js'
import type { ApiContext } from './context.js'
import { listRoutes } from './declare.js'
import { deviceRoutes } from './devices.js'
import { doorRoutes } from './doors.js'
import { exportRoute } from './export.js'
import { answer, answerClientError, answerFaults } from './faults.js'
import { groupCommandRoutes } from './group-commands.js'
import { groupRoutes } from './groups.js'
import { healthRoutes } from './health.js'
import { homeRoutes } from './homes.js'
import { answerOnce } from './idempotency.js'
import { importRoute } from './import.js'
import { ingestRoutes } from './ingest.js'
import { ingestJobRoutes } from './ingest-jobs.js'
import { jobRoutes } from './jobs.js'
import { keyRoutes } from './keys.js'
import { memberRoutes } from './members.js'
import { metricsRoutes } from './metrics.js'
import { modelConfigRoutes } from './model-config.js'
import { notificationRoutes } from './notifications.js'
import { objectRoutes } from './objects.js'
import { documentRoutes } from './openapi.js'
import { operationRoutes } from './operations.js'
import { ownRoutes } from './own.js'
import { policyRoutes } from './policies.js'
import { presenceRoutes } from './presence.js'
import { quarantineRoutes } from './quarantine.js'
import { noteRefusals } from './refusals.js'
import { reportRoutes } from './reports.js'
import { guardRoutes } from './rights.js'
import { roomRoutes } from './rooms.js'
import { scheduleRoutes } from './schedules.js'
import { zodAlone } from './schemas.js'
import { sessionRoutes } from './sessions.js'
import { signingKeyRoutes } from './signing-keys.js'
import { stateRoutes } from './state.js'
import { telemetryRoutes } from './telemetry.js'
import { telemetryOfManyRoutes } from './telemetry-many.js'
import { tokenRoutes } from './tokens.js'
import { userRoutes } from './users.js'

/** One line for each resource. */
const resources = [
  authRoutes,
  userRoutes,
  sessionRoutes,
  homeRoutes,
  memberRoutes,
  roomRoutes,
  deviceRoutes,
  doorRoutes,
  keyRoutes,
  stateRoutes,
  presenceRoutes,
  reportRoutes,
  telemetryRoutes,
  telemetryOfManyRoutes,
  exportRoute,
  commandRoutes,
  groupRoutes,
  alertRoutes,
  alertRuleRoutes,
  contactRoutes,
  policyRoutes,
  notificationRoutes,
  groupCommandRoutes,
  scheduleRoutes,
  claimRoutes,
  ingestRoutes,
  ingestJobRoutes,
  modelConfigRoutes,
  tokenRoutes,
  quarantineRoutes,
  operationRoutes,
  jobRoutes,
  signingKeyRoutes,
]

/**
 * Makes the HTTP server, ready and not yet listening: whoever calls it may take WebSocket upgrades from `server` first.
 * @throws Error when a route does not declare who may use it
 */
export async function createApi(context: ApiContext): Promise<FastifyInstance> {
  const app = newServer(context)
  listRoutes(app)
  hurryBodies(app, 30_000)
  answerFaults(app)
  readJsonBodies(app)
  await protect(app, context.config)
  documentRoutes(app)
  await consoleRoutes(app)
  guardRoutes(app, context)
  noteRefusals(app, context)
  answerOnce(app, context)
  compressLists(app)
  metricsRoutes(app, context)
  healthRoutes(app, context)
  await app.register(
    (v1: Api, _, done) => {
      for (const addRoutes of resources) addRoutes(v1, context)
      done()
    },
    { prefix: '/api/v1' },
  )
  // Scopes of their own: within them bodies are kept as they came, or read while they come.
  for (const addRoutes of [ownRoutes, importRoute, objectRoutes]) {
    await app.register(
      (own: Api, _, done) => {
        addRoutes(own, context)
        done()
      },
      { prefix: '/api/v1' },
    )
  }
  await app.ready()
  return app
}

function newServer({ log, config }: ApiContext): Api {
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: config.trusted_proxies ? config.trusted_proxies.split(',').map(one => one.trim()) : false,
    genReqId: () => newSortableId(),
    http: { headersTimeout: 5000, connectionsCheckingInterval: 1000 },
    routerOptions: { maxParamLength: 256 },
    schemaController: zodAlone,
    return503OnClosing: false,
    frameworkErrors: answer,
    clientErrorHandler: answerClientError,
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  app.decorate('closing', closing.signal)
  app.addHook('preClose', async () => closing.abort())
  // Connections that were busy when the close began keep the server until they end.
  app.addHook('onResponse', async () => {
    if (closing.signal.aborted) setImmediate(() => app.server.closeIdleConnections())
  })
  return app
}

/** Headers that browsers heed. The hub speaks plain HTTP, so nothing here may send them to HTTPS: that is for a proxy to say. */
async function protect(app: Api, { cors_origins }: Config): Promise<void> {
  const setHeaders = helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  })
  app.addHook('onRequest', (request, reply, done) => {
    // What is told somebody is kept by nobody on the way, nor on the disk of a browser; files say otherwise of themselves.
    reply.header('cache-control', 'no-store')
    setHeaders(request.raw, reply.raw, () => done())
  })
  if (cors_origins) {
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
    const origin = cors_origins.split(',').map(one => one.trim())
    await app.register(cors, {
      origin,
      methods,
      exposedHeaders: ['retry-after', 'etag', 'idempotent-replayed'],
      maxAge: 600,
    })
  }
  await app.register(rateLimit, { global: false })
}
