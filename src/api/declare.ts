import type { RouteOptions } from 'fastify'
import type { Api, DeclaredRoute } from './api.js'

/** Keeps the list of routes, and fails the start when one does not declare who may use it. */
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
  const who = config?.who
  // The preflight route of @fastify/cors has no configuration; it gives nothing away.
  if (method === 'OPTIONS' && url.endsWith('*')) return []
  if (who === undefined) throw new Error(`The route ${method} ${url} does not declare who may use it.`)
  return [method].flat().map(one => ({ method: one, url, who }))
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
