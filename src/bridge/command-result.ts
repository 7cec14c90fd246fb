import { commandResult } from '../messages.js'
import { mountedTopic } from '../topics.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'
import { receiveState } from './state.js'

/** What became of a command. A `state` that comes with it is merged as if it had come on the state topic. */
export const receiveCommandResult: Receive = async (context, message) => {
  const result = parseMessage(commandResult, message.payload)
  if (result.state) {
    const merged = await receiveState(context, { ...message, payload: Buffer.from(JSON.stringify(result.state)) })
    const topic = mountedTopic(message.device.home_id, message.device.id, 'state')
    if (typeof merged === 'object') await context.publish(topic, merged.payload, { qos: 1, retain: true })
  }
  await context.commands.result(message.device.id, result)
  return 'same'
}
