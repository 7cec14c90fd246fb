import { Command } from 'commander'
import mqtt from 'mqtt'
import { HubError } from '../errors.js'
import { newId } from '../ids.js'
import { connect } from './connection.js'
import { numberIn } from './numbers.js'
import { isTerminal, printable } from './output.js'

export const watchCommand = () =>
  new Command('watch')
    .description('show messages as they come')
    .argument('[topic]', 'a topic filter, devices/… for homes/+/devices/…', asSeenByPeople, 'homes/#')
    .option('--json', 'a JSON line for each message')
    .option('--count <n>', 'stop after so many messages', numberIn(1, Number.MAX_SAFE_INTEGER))
    .action(watch)

/** A device's own name for a topic lacks the home. */
const asSeenByPeople = (topic: string) => (topic.startsWith('devices/') ? `homes/+/${topic}` : topic)

/** Ends on an interrupt, after `count` messages, or with an error when the hub refuses or goes away. */
async function watch(topic: string, { json = false, count }: { json?: boolean; count?: number }): Promise<void> {
  const { mqtt_url, access_token } = await connect()
  const who = { clientId: `user-watch-${newId()}`, username: 'hearth', password: access_token }
  const options = { ...who, reconnectPeriod: 0, connectTimeout: 5000 }
  const client = await mqtt.connectAsync(mqtt_url, options)
  let left = count ?? Number.POSITIVE_INFINITY
  const ended = new Promise<void>((resolve, reject) => {
    client.on('message', (name, payload, { retain }) => {
      if (left-- <= 0) return
      process.stdout.write(line(name, payload, retain, json))
      if (left === 0) resolve()
    })
    client.on('close', () => reject(new HubError('shutting_down', 'The hub has closed the connection.')))
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  try {
    await Promise.all([subscribe(client, topic), ended])
  } finally {
    client.removeAllListeners('close')
    await client.endAsync(true)
  }
}

/** Refused is what `subscribeAsync` rejects for. */
async function subscribe(client: mqtt.MqttClient, topic: string): Promise<void> {
  try {
    await client.subscribeAsync(topic, { qos: 1 })
  } catch (cause) {
    throw new HubError('forbidden', `${topic} is no topic filter, or may not be watched.`, [], cause)
  }
}

function line(topic: string, payload: Buffer, retain: boolean, json: boolean): string {
  const text = payload.toString('utf8')
  if (json) return `${JSON.stringify({ topic, retain, payload: text })}\n`
  const shown = printable(text)
  return isTerminal() ? `\u001b[36m${topic}\u001b[0m ${shown}\n` : `${topic} ${shown}\n`
}
