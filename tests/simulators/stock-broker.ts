import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AedesOptions } from 'aedes'

interface Heard {
  readonly topic: string
  readonly payload: Buffer
  readonly dup: boolean
  readonly client_id: string
}

/** A stock Aedes on a free port of this machine, which remembers what clients publish. */
export interface StockBroker {
  readonly url: string
  readonly port: number
  readonly aedes: Aedes
  readonly heard: Heard[]
  /** What was published on a topic, as JSON. */
  on(topic: string): Record<string, unknown>[]
  publish(topic: string, message: object | string): Promise<void>
  /** Cuts every connection, without a word. */
  cutAll(): void
  close(): Promise<void>
}

export async function startStockBroker(options: AedesOptions = {}, port = 0): Promise<StockBroker> {
  const aedes = await Aedes.createBroker({ ...options, queueLimit: 10_000 })
  const heard: Heard[] = []
  aedes.on('publish', ({ topic, payload, dup }, client) => {
    if (client) heard.push({ topic, payload: Buffer.from(payload), dup: dup === true, client_id: client.id })
  })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    aedes.handle(socket)
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  const cutAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `mqtt://127.0.0.1:${bound}`,
    port: bound,
    aedes,
    heard,
    on: topic => heard.filter(message => message.topic === topic).map(({ payload }) => JSON.parse(payload.toString())),
    publish: (topic, message) => publish(aedes, topic, typeof message === 'string' ? message : JSON.stringify(message)),
    cutAll,
    close: () => close(aedes, server, cutAll),
  }
}

function publish(aedes: Aedes, topic: string, payload: string): Promise<void> {
  const packet = { cmd: 'publish' as const, topic, payload, qos: 1 as const, retain: false, dup: false }
  return new Promise((resolve, reject) => {
    aedes.publish(packet, error => (error ? reject(error) : resolve()))
  })
}

async function close(aedes: Aedes, server: Server, cutAll: () => void): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve))
  await new Promise<void>(resolve => aedes.close(resolve))
  cutAll()
  await closed
}
