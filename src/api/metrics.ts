import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import { openAlerts } from '../alerts/rows.js'
import { countOpen } from '../notifications/notifications.js'
import { lateSamples } from '../telemetry/budget.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

type Numbers = Readonly<Record<string, number>>

/** What is asked at each scrape: a number, or one for each value of a label. */
interface Figure {
  readonly name: string
  readonly help: string
  readonly label?: string
  ask(context: ApiContext): number | Numbers | Promise<number | Numbers>
}

const figures: readonly Figure[] = [
  {
    name: 'hearth_telemetry_late_samples',
    help: 'Samples not kept: the readings of their hour were gone already',
    ask: ({ store }) => lateSamples(store.db),
  },
  {
    name: 'hearth_storage_bytes',
    help: 'The database with its log, what of it is used and what is spare, and what is free on its file system',
    label: 'part',
    ask: async ({ store }) => {
      const { database_bytes: database, used_bytes: used, spare_bytes: spare, free_bytes: free } = await store.size()
      return { database, used, spare, free }
    },
  },
  {
    name: 'hearth_alerts_open',
    help: 'Alerts that are not closed',
    label: 'severity',
    ask: ({ store }) => openAlerts(store.db),
  },
  {
    name: 'hearth_notifications',
    help: 'Notifications that are not delivered',
    label: 'status',
    ask: ({ store }) => countOpen(store.db),
  },
  {
    name: 'hearth_notifications_delivered',
    help: 'Notifications delivered since the start',
    label: 'kind',
    ask: ({ notifier }) => attempts(notifier, 'delivered'),
  },
  {
    name: 'hearth_notification_attempts_failed',
    help: 'Attempts to send notifications since the start that failed',
    label: 'kind',
    ask: ({ notifier }) => attempts(notifier, 'failed'),
  },
  {
    name: 'hearth_recordings',
    help: 'Attempts to listen to a recording since the start, by what came of them',
    label: 'outcome',
    ask: ({ audio: { recordings } }) => recordings.outcomes,
  },
  {
    name: 'hearth_recordings_seconds',
    help: 'Seconds of sound that were listened to since the start, and seconds that this took',
    label: 'of',
    ask: ({ audio: { recordings } }) => recordings.seconds,
  },
  {
    name: 'hearth_recordings_waiting',
    help: 'Recordings that somebody is to listen to (open), and that were given up (dead)',
    label: 'state',
    // A queue elsewhere that does not answer leaves the other figures as they are.
    ask: ({ audio: { queue }, log }) =>
      queue.counts().then(
        counts => ({ ...counts }),
        err => {
          log.warn({ err }, 'the queue could not be counted')
          return {}
        },
      ),
  },
]

const attempts = ({ sent }: ApiContext['notifier'], outcome: 'delivered' | 'failed'): Numbers =>
  Object.fromEntries(Object.entries(sent).map(([kind, counts]) => [kind, counts[outcome]]))

/** Measures every request, and answers `/metrics` for Prometheus: the process, HTTP, the broker, and the figures above. */
export function metricsRoutes(app: Api, context: ApiContext): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'hearth_http_request_duration_seconds',
    help: 'HTTP requests by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  const gauges = figures.map(({ name, help, label, ask }) => {
    const gauge = new Gauge({ name, help, labelNames: label === undefined ? [] : [label], registers: [registry] })
    return async () => set(gauge, label, await ask(context))
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
      await Promise.all(gauges.map(ask => ask()))
      setBrokerGauges(registry, context.brokerStats())
      return reply.type(registry.contentType).send(await registry.metrics())
    },
  )
}

function set(gauge: Gauge, label: string | undefined, found: number | Numbers): void {
  if (typeof found === 'number') gauge.set(found)
  else for (const [value, count] of Object.entries(found)) gauge.set({ [label ?? '']: value }, count)
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
