import type { Principal } from '../src/principal.js'
import { earsOf, mayPublish } from '../src/rights.js'
import { idPattern, inboundKind, isDeviceTopic, isPlainFilter, isTopic, ownTopic } from '../src/topics.js'
import { type Connection, fits } from './connection.js'
import { type BrokerHandlers, type Credentials, Refusal } from './contract.js'
import type { AedesClient, ConnectPacket } from './internals.js'
import type { FailedLogins } from './limits.js'
import type { Registry } from './registry.js'

/** Seconds. A client that asks for none, or for longer, is looked for all the same. */
const maxKeepalive = 1200
const personClientId = /^user-[A-Za-z0-9_.:-]{1,128}$/

/** What authentication needs of the broker. */
export interface Gate {
  readonly closing: boolean
  readonly now: number
  readonly failedLogins: FailedLogins
  readonly handlers: BrokerHandlers
  readonly registry: Registry
  refused(conn: Connection, error: unknown): void
  /** A device is in this home: the one that its credential was found in, also where a move was interrupted. */
  isAt(device_id: string, home: string): void
}

/**
 * CONNECT → principal. All of it happens before Aedes looks at the packet, so that the packet can be put right: the client
 * id bound to the principal, the will mounted, the keepalive clamped.
 */
export function authenticate(
  gate: Gate,
  client: AedesClient,
  packet: ConnectPacket,
  callback: (error: Error | null, go: boolean) => void,
): void {
  const conn = client.req
  conn.enter('authenticating', gate.now)
  const credentials = credentialsOf(conn, packet)
  check(gate, conn, packet, credentials)
    .then(principal => admit(gate, conn, packet, principal, callback))
    .catch((error: unknown) => gate.refused(conn, error))
}

function credentialsOf(conn: Connection, { username, password }: ConnectPacket): Credentials {
  return {
    username: username ?? null,
    password: password?.toString('utf8') ?? null,
    address: conn.peer.address,
  }
}

async function check(
  gate: Gate,
  conn: Connection,
  packet: ConnectPacket,
  credentials: Credentials,
): Promise<Principal> {
  if (packet.protocolVersion !== 3 && packet.protocolVersion !== 4) throw new Refusal(1, 'protocol version')
  if (gate.closing) throw new Refusal(3, 'shutting down')
  // [MQTT-3.1.3-8], also for what calls itself MQTT 3.1 (aedes#1095)
  if (packet.clientId === '' && !packet.clean) throw new Refusal(2, 'empty client id')
  if (hasControl(credentials.username) || hasControl(credentials.password)) throw new Refusal(4, 'credentials')
  const attempt = await gate.failedLogins.begin(credentials, packet.clientId, gate)
  if (attempt === null) throw new Refusal(3, 'too many failures')
  try {
    const principal = await authenticateAsOfNow(gate, credentials)
    if (conn.barred?.some(match => fits(match, principal))) throw new Refusal(5, 'revoked')
    attempt.succeeded()
    return principal
  } catch (error) {
    if (error instanceof Refusal && error.returnCode >= 4) attempt.failed()
    else attempt.dropped()
    throw error
  }
}

/** What was found out about a person before their rights changed, in parts, does not count. */
async function authenticateAsOfNow(gate: Gate, credentials: Credentials): Promise<Principal> {
  for (;;) {
    const { rightsChanges } = gate.registry
    const principal = await gate.handlers.authenticate(credentials)
    if (principal.kind !== 'person' || rightsChanges === gate.registry.rightsChanges) return principal
  }
}

const hasControl = (text: string | null) => text !== null && /\p{Cc}/u.test(text)

function admit(
  gate: Gate,
  conn: Connection,
  packet: ConnectPacket,
  principal: Principal,
  callback: (error: Error | null, go: boolean) => void,
): void {
  if (conn.reason !== null || conn.state !== 'authenticating') return
  if (principal.expires_at !== null && principal.expires_at <= Date.now()) throw new Refusal(5, 'expired')
  // It may exchange its code once, and does not come back
  if (principal.kind === 'claim') packet.clean = true
  const id = boundId(packet.clientId, principal)
  if (id === null) throw new Refusal(2, 'client id')
  bind(conn, principal)
  if (packet.will && !bindWill(conn, packet.will, principal)) throw new Refusal(5, 'will')
  conn.enter('accepted', gate.now)
  gate.registry.claim(conn, id, () => {
    if (principal.kind === 'device') gate.isAt(id, conn.home)
    packet.clientId = id
    if (packet.keepalive === 0 || packet.keepalive > maxKeepalive) packet.keepalive = maxKeepalive
    callback(null, true)
  })
}

/** The client id within the broker, which nobody else can claim; null when the one that was sent is not this principal's. */
function boundId(client_id: string, principal: Principal): string | null {
  switch (principal.kind) {
    case 'device':
      return client_id === '' || client_id === principal.id ? principal.id : null
    case 'person':
      if (client_id !== '' && !personClientId.test(client_id)) return null
      return `people/${principal.id}/${client_id || crypto.randomUUID()}`
    case 'service':
      return isPlainFilter(client_id || 'x') ? `tokens/${principal.id}/${client_id || crypto.randomUUID()}` : null
    case 'claim':
      return `claims/${principal.id}/${crypto.randomUUID()}`
  }
}

function bind(conn: Connection, principal: Principal): void {
  conn.principal = principal
  if (principal.kind === 'device') {
    if (!idPattern.test(principal.home_id)) throw new Refusal(5, 'no home')
    conn.home = `homes/${principal.home_id}/`
    conn.mount = `${conn.home}devices/${principal.id}/`
  } else if (principal.kind === 'claim') {
    // A place of its own that nobody else can hear
    conn.home = `$claims/${principal.id}/`
    conn.mount = `${conn.home}provision/`
  } else conn.ears = earsOf(principal)
}

/** A will is checked here because Aedes checks none, and publishes it when there may be no connection any more. */
function bindWill(conn: Connection, will: NonNullable<ConnectPacket['will']>, principal: Principal): boolean {
  if (principal.kind === 'service') return will.qos <= 2 && isTopic(will.topic) && mayPublish(principal, will.topic)
  if (principal.kind !== 'device' || will.qos > 2) return false
  const rest = ownTopic(principal.id, will.topic)
  if (rest === null || !isDeviceTopic(will.topic) || inboundKind(rest) === null) return false
  will.topic = conn.mount + rest
  will.retain = false
  return true
}
