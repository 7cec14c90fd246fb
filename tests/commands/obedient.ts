import type { MqttClient } from 'mqtt'
import type { Command } from '../../src/commands/rows.js'
import { type TestHub, until } from '../helper.js'

/** A command as it reached a device. */
interface Received {
  readonly id: string
  readonly name: string
  readonly params: object
  readonly attempt: number
}
export interface Obedient {
  readonly client: MqttClient
  readonly received: Received[]
  /** Ids of commands that it was asked not to run. */
  readonly cancelled: string[]
  answer(id: string, status: string, more?: object): Promise<unknown>
}

export const issue = async (hub: TestHub, id: string, body: object, query = '') =>
  (await hub.client.post<{ command: Command }>(`/devices/${id}/commands${query}`, body)).command

export const read = async (hub: TestHub, id: string) =>
  (await hub.client.get<{ command: Command }>(`/commands/${id}`)).command

/** Waits until a command has a status. */
export const becomes = (hub: TestHub, id: string, status: string) =>
  until(async () => {
    const command = await read(hub, id)
    return command.status === status ? command : null
  })

/** A device that is connected, listens for commands, and does nothing by itself. */
export async function listening(hub: TestHub, id: string, key: string): Promise<Obedient> {
  const client = await hub.connect(id, key)
  const received: Received[] = []
  const cancelled: string[] = []
  client.on('message', (topic, payload) => {
    const message = JSON.parse(payload.toString())
    if (topic.endsWith('/cancel')) cancelled.push(message.id)
    else received.push(message)
  })
  await client.subscribeAsync([`devices/${id}/commands`, `devices/${id}/commands/cancel`], { qos: 1 })
  const answer = (command_id: string, status: string, more = {}) =>
    client.publishAsync(`devices/${id}/commands/result`, JSON.stringify({ id: command_id, status, ...more }), {
      qos: 1,
    })
  return { client, received, cancelled, answer }
}
