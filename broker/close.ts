import type { Connection } from './connection.js'
import type { Registry } from './registry.js'

const grace = 8000
const step = 20

/**
 * Ends every connection. Nothing more is read; what has been received is committed and its acknowledgement written, for as
 * long as that takes within the grace; wills are not published, since it is the hub that leaves.
 */
export async function closeAll({ registry }: { readonly registry: Registry }): Promise<void> {
  for (const conn of registry.all) {
    if (conn.client) conn.client.will = conn.client._will = null
    if (conn.principal === null) conn.end('shutdown')
  }
  const until = performance.now() + grace
  while (performance.now() < until && [...registry.all].some(isBusy)) await pause(step)
  for (const conn of registry.all) conn.end('shutdown')
  while (registry.all.size > 0 && performance.now() < until + 1000) await pause(step)
}

const isBusy = (conn: Connection) => conn.reason === null && (conn.packets > 0 || conn.unwritten() > 0)
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
