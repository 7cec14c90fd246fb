import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import { openAlerts } from '../alerts/rows.js'
import type { Store } from '../store/store.js'
import { lateSamples } from '../telemetry/budget.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

type Numbers = Readonly<Record<string, number>>

/** What the store is asked at each scrape: a number, or one for each value of a label. */
interface Figure {
  readonly name: string
  readonly help: string
  readonly label?: string
  ask(store: Store): Promise<number | Numbers>
}

const figures: readonly Figure[] = [
  {
    name: 'hearth_telemetry_late_samples',
    help: 'Samples not kept: the readings of their hour were gone already',
    ask: ({ db }) => lateSamples(db),
  },
  {
    name: 'hearth_storage_bytes',
    help: 'The database with its log, what of it is used and what is spare, and what is free on its file system',
    label: 'part',
    ask: async store => {
      const { database_bytes: database, used_bytes: used, spare_bytes: spare, free_bytes: free } = await store.size()
      return { database, used, spare, free }
    },
  },
  {
    name: 'hearth_alerts_open',
    help: 'Alerts that are not closed',
    label: 'severity',
    ask: ({ db }) => openAlerts(db),
  },
]

/** Measures every request, and answers `/metrics` for Prometheus: the process, HTTP, the broker, and what the store says. */
export function metricsRoutes(app: Api, context: ApiContext): void {
  const { brokerStats, store } = context
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
    return async () => set(gauge, label, await ask(store))
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
      setBrokerGauges(registry, brokerStats())
      await setAudioGauges(registry, context)
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
    if (typeof value === 'number') gaugeOf(registry, 'broker', stat, []).set(value)
    else
      for (const [reason, count] of Object.entries(value))
        gaugeOf(registry, 'broker', stat, ['reason']).set({ reason }, count)
  }
}

/** Recordings since the start, and what of them waits. A queue elsewhere that does not answer leaves the rest as it is. */
async function setAudioGauges(registry: Registry, { audio, log }: Pick<ApiContext, 'audio' | 'log'>): Promise<void> {
  const queue = await audio.queue.counts().catch(err => {
    log.warn({ err }, 'the queue could not be counted')
    return {}
  })
  const named = Object.entries(queue).map(([name, count]) => [`queue_${name}`, count] as const)
  for (const [stat, value] of [...Object.entries(audio.recordings.counts), ...named])
    gaugeOf(registry, 'audio', stat, []).set(value)
}

const parts = { broker: 'MQTT broker', audio: 'Recordings' } as const

function gaugeOf(registry: Registry, part: keyof typeof parts, stat: string, labelNames: string[]): Gauge {
  const name = `hearth_${part}_${stat}`
  const known = registry.getSingleMetric(name)
  if (known instanceof Gauge) return known
  return new Gauge({ name, help: `${parts[part]}: ${stat.replaceAll('_', ' ')}`, labelNames, registers: [registry] })
}
