import type { RouteOptions } from 'fastify'
import type { Api, DeclaredRoute } from './api.js'

/** Keeps the list of routes, and fails the start when one does not declare who may use it, or what the audit calls it. */
export function listRoutes(app: Api): void {
  const routes: RouteOptions[] = []
  const declared: DeclaredRoute[] = []
  app.decorate('declared', declared)
  app.addHook('onRoute', route => void routes.push(route))
  app.addHook('onReady', async () => {
    for (const route of routes) declared.push(...declarationsOf(route))
  })
}

function declarationsOf({ method, url, config }: RouteOptions): DeclaredRoute[] {
  // The preflight route of @fastify/cors has no configuration; it gives nothing away.
  if (method === 'OPTIONS' && url.endsWith('*')) return []
  const { who, action = null } = config ?? {}
  if (who === undefined) throw new Error(`The route ${method} ${url} does not declare who may use it.`)
  return [method].flat().map(one => {
    const changes = one !== 'GET' && one !== 'HEAD'
    const isWritten = who !== 'device' && who !== 'worker'
    if (changes && isWritten && action === null)
      throw new Error(`The route ${one} ${url} does not declare what the audit calls it.`)
    return { method: one, url, who, action }
  })
}

/** The methods under which a path exists. */
export function methodsAt(routes: readonly DeclaredRoute[], path: string): string[] {
  const segments = path.split('/')
  const found = routes.filter(({ url }) => {
    const wanted = url.split('/')
    return (
      wanted.length === segments.length &&
      wanted.every((part, i) => part === segments[i] || (part.startsWith(':') && segments[i] !== ''))
    )
  })
  return [...new Set(found.map(({ method }) => method))].sort()
}
