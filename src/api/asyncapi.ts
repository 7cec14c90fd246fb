import { z } from 'zod'
import * as messages from '../messages.js'
import { homeRoles } from '../principal.js'
import {
  alertTopic,
  deviceTopic,
  homeAlertsTopic,
  homeCommandsTopic,
  type Inbound,
  inbound,
  mountedTopic,
  type Outbound,
  outbound,
  ownHomesTopic,
  provisionRequest,
  provisionResponse,
} from '../topics.js'

const homeCommand = z
  .object({ command: z.looseObject({ id: z.string(), device_id: z.string(), status: z.string() }) })
  .describe('Every change of a command’s status in a home')

const homeAlert = z
  .object({ alert: z.looseObject({ id: z.string(), key: z.string(), severity: z.string(), status: z.string() }) })
  .describe('An alert as it is: every change of it, and retained by itself until it is closed')

const ownHomes = z
  .object({ homes: z.array(z.object({ home_id: z.string(), role: z.enum(homeRoles) })) })
  .describe('The homes that somebody belongs to, whenever they have become others')

const payloads: Readonly<Record<Inbound | Outbound, z.ZodType>> = {
  telemetry: messages.telemetry,
  heartbeat: messages.heartbeat,
  state: messages.state,
  event: messages.event,
  alert: messages.alert,
  log: messages.log,
  hello: messages.hello,
  'commands/result': messages.commandResult,
  commands: messages.command,
  'commands/cancel': messages.commandCancel,
  desired: messages.desired,
  time: messages.hubTime,
  errors: messages.refusal,
  presence: messages.presence,
  recordings: messages.recordings,
}
const retained: ReadonlySet<string> = new Set(['state', 'desired', 'presence'])

/** The AsyncAPI 3 document of section 1 of the contract: what crosses MQTT, with the schemas that the bridge validates with. */
export function asyncapi(version: string) {
  const kinds = [...inbound, ...outbound]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Hearth',
      version,
      description:
        'MQTT 3.1 and 3.1.1. A device speaks devices/{id}/…; to everybody else the same messages appear under homes/{home_id}/devices/{id}/….',
    },
    defaultContentType: 'application/json',
    servers: {
      mqtt: { host: 'localhost:1883', protocol: 'mqtt' },
      ws: { host: 'localhost:8080', pathname: '/mqtt', protocol: 'ws' },
    },
    channels: Object.fromEntries([
      ...kinds.map(kind => [nameOf(kind), channelOf(kind, deviceTopic('{id}', restOf(kind)))]),
      ...kinds.map(kind => [`home_${nameOf(kind)}`, channelOf(kind, mountedTopic('{home_id}', '{id}', restOf(kind)))]),
      [
        'home_command_changes',
        { ...channelAt(homeCommandsTopic('{home_id}')), messages: { change: ref('messages', 'command_change') } },
      ],
      [
        'home_alert_changes',
        { ...channelAt(homeAlertsTopic('{home_id}')), messages: { alert: ref('messages', 'home_alert') } },
      ],
      [
        'home_alerts',
        {
          ...channelAt(alertTopic('{home_id}', '{alert_id}')),
          messages: { alert: ref('messages', 'home_alert') },
          description: 'Retained by the hub until it is closed',
        },
      ],
      [
        'own_homes',
        { ...channelAt(ownHomesTopic('{user_id}')), messages: { own_homes: ref('messages', 'own_homes') } },
      ],
      ['provision_request', only(provisionRequest, 'provision_request')],
      ['provision_response', only(provisionResponse, 'provision_response')],
    ]),
    operations: Object.fromEntries([
      ...inbound.map(kind => [`receive_${nameOf(kind)}`, operation('receive', nameOf(kind))]),
      ...outbound.map(kind => [`send_${nameOf(kind)}`, operation('send', nameOf(kind))]),
      ...kinds.map(kind => [`forward_${nameOf(kind)}`, operation('send', `home_${nameOf(kind)}`)]),
      ['send_command_changes', operation('send', 'home_command_changes')],
      ['send_alert_changes', operation('send', 'home_alert_changes')],
      ['send_alerts', operation('send', 'home_alerts')],
      ['send_own_homes', operation('send', 'own_homes')],
      ['receive_provision_request', operation('receive', 'provision_request')],
      ['send_provision_response', operation('send', 'provision_response')],
    ]),
    components: {
      messages: Object.fromEntries([
        ...kinds.map(kind => [nameOf(kind), messageOf(kind, payloads[kind])]),
        ['command_change', messageOf('command_change', homeCommand)],
        ['home_alert', messageOf('home_alert', homeAlert)],
        ['own_homes', messageOf('own_homes', ownHomes)],
        ['provision_request', messageOf('provision_request', messages.provisionRequest)],
        ['provision_response', messageOf('provision_response', messages.provisionResponse)],
      ]),
    },
  }
}

const nameOf = (kind: string) => kind.replace('/', '_')
const restOf = (kind: Inbound | Outbound) => (kind === 'alert' ? 'alert/{key}' : kind)
const ref = (section: string, name: string) => ({ $ref: `#/components/${section}/${name}` })
const operation = (action: 'send' | 'receive', channel: string) => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
})

function channelAt(address: string) {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, {}])
  return { address, parameters: Object.fromEntries(names) }
}

const only = (address: string, message: string) => ({
  ...channelAt(address),
  messages: { [message]: ref('messages', message) },
  description: 'For devices that connected with a claim code',
})

const channelOf = (kind: Inbound | Outbound, address: string) => ({
  ...channelAt(address),
  messages: { [nameOf(kind)]: ref('messages', nameOf(kind)) },
  ...(retained.has(kind) ? { description: 'Retained by the hub' } : {}),
})

function messageOf(name: string, schema: z.ZodType) {
  const { $schema: _, ...payload } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' })
  return { name, contentType: 'application/json', payload }
}
