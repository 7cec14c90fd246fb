import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import { countOpen } from '../notifications/notifications.js'
import { lateSamples } from '../telemetry/budget.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

/** Measures every request, and answers `/metrics` for Prometheus: the process, HTTP, the broker, notifications, and samples that came too late to be kept. */
export function metricsRoutes(app: Api, { brokerStats, store, notifier }: ApiContext): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'hearth_http_request_duration_seconds',
    help: 'HTTP requests by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  const late = new Gauge({
    name: 'hearth_telemetry_late_samples',
    help: 'Samples not kept: the readings of their hour were gone already',
    registers: [registry],
  })
  const waiting = new Gauge({
    name: 'hearth_notifications',
    help: 'Notifications that are not delivered, by status',
    labelNames: ['status'],
    registers: [registry],
  })
  const attempts = new Gauge({
    name: 'hearth_notification_attempts',
    help: 'Attempts to send notifications since the start, by kind of contact and outcome',
    labelNames: ['kind', 'outcome'],
    registers: [registry],
  })
  app.addHook('onResponse', async ({ method, routeOptions, log }, { statusCode: status, elapsedTime: ms }) => {
    const route = routeOptions.url ?? 'none'
    requests.observe({ route, method, status }, ms / 1000)
    log.debug({ method, route, status, ms: Math.round(ms) }, 'request')
  })
  app.get(
    '/metrics',
    {
      config: { who: 'anyone' },
      schema: {
        summary: 'Counters for Prometheus',
        response: { 200: { description: 'Text format 0.0.4', content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (_, reply) => {
      late.set(await lateSamples(store.db))
      for (const [status, count] of Object.entries(await countOpen(store.db))) waiting.set({ status }, count)
      for (const [kind, counts] of Object.entries(notifier.sent))
        for (const [outcome, count] of Object.entries(counts)) attempts.set({ kind, outcome }, count)
      setBrokerGauges(registry, brokerStats())
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  )
}

function setBrokerGauges(registry: Registry, stats: ReturnType<ApiContext['brokerStats']>): void {
  for (const [stat, value] of Object.entries(stats)) {
    if (typeof value === 'number') gaugeOf(registry, stat, []).set(value)
    else for (const [reason, count] of Object.entries(value)) gaugeOf(registry, stat, ['reason']).set({ reason }, count)
  }
}

function gaugeOf(registry: Registry, stat: string, labelNames: string[]): Gauge {
  const name = `hearth_broker_${stat}`
  const known = registry.getSingleMetric(name)
  if (known instanceof Gauge) return known
  return new Gauge({ name, help: `MQTT broker: ${stat.replaceAll('_', ' ')}`, labelNames, registers: [registry] })
}
