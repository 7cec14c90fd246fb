import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import mqttPacket from 'mqtt-packet'

/** A flood from a thread of its own, so that what it costs to make is not taken for what it costs to bear. */
export interface Flood {
  readonly port: number
  readonly ids: readonly string[]
  /** Messages of each device, and bytes of each message. */
  readonly count: number
  readonly size: number
  /** As many at a time, every few milliseconds. */
  readonly burst: number
  readonly every: number
}

/** Sends a device's messages and calls `done` when all of them are acknowledged. */
function flood({ port, count, size, burst, every }: Flood, id: string, done: () => void): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const payload = Buffer.alloc(size, 32)
  const topic = `devices/${id}/telemetry`
  let acks = 0
  let sent = 0
  const send = () => {
    const some = Array.from({ length: Math.min(burst, count - sent) }, () =>
      mqttPacket.generate({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId: ++sent }),
    )
    socket.write(Buffer.concat(some))
    if (sent < count) setTimeout(send, every)
  }
  parser.on('packet', packet => {
    if (packet.cmd === 'connack') send()
    else if (packet.cmd === 'puback' && ++acks === count) done()
  })
  socket.on('data', chunk => parser.parse(chunk))
  socket.write(
    mqttPacket.generate({
      cmd: 'connect',
      clientId: id,
      clean: true,
      username: id,
      password: Buffer.from(`key-${id}`),
    }),
  )
}

const order = workerData as Flood
let left = order.ids.length
for (const id of order.ids) {
  flood(order, id, () => {
    left--
    if (left === 0) parentPort?.postMessage('acknowledged')
  })
}
