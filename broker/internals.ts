import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Aedes, AedesOptions, Client, PublishPacket, Subscription } from 'aedes'
import type { Connection } from './connection.js'

/*
 * The privates of Aedes 1.2, mqtt-packet 9 and websocket-stream 5.5 that we touch, each with its reason. Nothing else in
 * this folder may reach into them, so that an upgrade has one page to check.
 */

export interface ConnectPacket {
  readonly cmd: 'connect'
  readonly protocolVersion: number
  clean: boolean
  clientId: string
  keepalive: number
  readonly username?: string
  readonly password?: Buffer
  will?: { topic: string; payload: Buffer; qos: 0 | 1 | 2; retain: boolean }
}

export interface SubscribePacket {
  readonly cmd: 'subscribe'
  readonly messageId: number
  readonly subscriptions: Subscription[]
}

export interface UnsubscribePacket {
  readonly cmd: 'unsubscribe'
  readonly messageId: number
  readonly unsubscriptions: string[]
}

export interface AckPacket {
  readonly cmd: 'puback' | 'pubcomp'
  readonly messageId: number
}

/** A publish inside the broker. `properties` is copied from wrapper to wrapper and never written to a 3.1.1 client. */
export interface Message extends PublishPacket {
  brokerId?: string | null
  brokerCounter?: number
  clientId?: string
  /** Those who want it have it in their queues, and it is retained if it is to be: what is left is to publish it. */
  kept?: true
}

export type WirePacket =
  | ConnectPacket
  | Message
  | SubscribePacket
  | UnsubscribePacket
  | AckPacket
  | { readonly cmd: 'disconnect' | 'pingreq' | 'pubrec' | 'pubrel' }

/** Aedes' own handling of a packet that came off the wire: a listener of the parser, the same function for every client. */
export type TakePacket = (this: Parser, packet: WirePacket) => void

/** Takes Aedes' listener off a client's parser, so that ours decides which packets it gets. */
export function takeListener(parser: Parser): TakePacket {
  const [stock] = parser.listeners('packet') as TakePacket[]
  if (stock === undefined) throw new Error('Aedes listens to no packets.')
  parser.removeAllListeners('packet')
  return stock
}

export interface Parser extends EventEmitter {
  readonly client: AedesClient
  /** Packets that came behind a CONNECT that is not answered yet; they passed our listener before the principal was known. */
  readonly _queue: WirePacket[] | null
  /** How far the parser is within a packet; 0 between packets. */
  readonly _stateCounter: number
  /** What is being parsed: `length` is -1 until it is known. */
  readonly packet: { readonly length: number }
  /** Stops the parser. */
  error: Error | null
  /** @returns how many bytes it holds of a packet that is not whole */
  parse(chunk: Buffer): number
  /** Wrapped on each instance: mqtt-packet has no bound on a packet's announced length. */
  _parseLength(): boolean
  _emitError(error: Error): void
}

export interface AedesClient extends EventEmitter {
  id: string | null
  readonly clean: boolean
  readonly closed: boolean
  readonly connected: boolean
  readonly conn: Duplex
  /** Aedes keeps here what `handle()` was given beside the stream; ours is the connection. */
  readonly req: Connection
  readonly _parser: Parser
  /** Set to null to suppress a will: `_will` before the CONNECT is through, `will` afterwards. */
  will: Message | null
  _will: Message | null
  readonly subscriptions: Record<string, { readonly qos: number }>
  /** Stock Aedes compares one counter per broker and so drops messages that arrive out of order (aedes#994). */
  duplicates: object
  /** Taken from for a delivery whose acknowledgement must be recognised. */
  _nextId: number
  readonly _inboundInflight: Set<number>
  readonly _keepaliveTimer: NodeJS.Timeout | null
  readonly _keepaliveInterval: number
  /** The read loop's own counter, and its step: replaced by ours, which counts what is not committed. */
  _parsingBatch: number
  _nextBatch: (error?: Error | null) => void
  /** Replaced: a live delivery never waits for a slow socket (aedes#553). */
  waitForDrain(callback: (error: Error | null, client: AedesClient) => void): void
  /** Wrapped: how a filter of QoS 0 is served, and any filter with a message of QoS 0. */
  deliver0: (packet: Message, done: () => void) => void
  /** Sends a packet at the QoS that it has, past every queue. */
  deliverQoS(packet: Message, done: () => void): void
  /** Sends to this client alone. */
  publish(message: Message, done: () => void): void
  close(done?: () => void): void
}

export interface AedesInside {
  readonly id: string
  readonly closed: boolean
  /** Connected clients by id: where a takeover looks. */
  readonly clients: Record<string, AedesClient | undefined>
  counter: number
  readonly mq: {
    emit(message: Message, done: () => void): void
    /** Wrapped: notes when somebody begins to listen. */
    on(topic: string, ...rest: unknown[]): unknown
    /** Of mqemitter: who listens to a topic. */
    readonly _matcher: { match(topic: string): readonly unknown[] }
  }
  publish: Publish
  unregisterClient(client: AedesClient): void
}

export type Published = (error?: Error | null) => void
export interface Publish {
  (message: Message, done: Published): void
  (message: Message, client: AedesClient | null, done: Published): void
}

/** Our hooks as Aedes 1.2 calls them; its own types leave out what they are called with. */
export interface Hooks {
  preConnect(client: AedesClient, packet: ConnectPacket, callback: (error: Error | null, go: boolean) => void): void
  authenticate(client: AedesClient, username: unknown, password: unknown, callback: (e: null, ok: true) => void): void
  authorizePublish(client: AedesClient | null, packet: Message, callback: (error?: Error | null) => void): void
  authorizeSubscribe(client: AedesClient, sub: Subscription, callback: (error: null, sub: object | null) => void): void
  authorizeForward(client: AedesClient, packet: Message): Message | null
}
export const optionsOf = (hooks: Hooks) => hooks as unknown as Partial<AedesOptions>

/** Our connection behind a client that an event of Aedes names. */
export const connectionOf = (client: Client) => (client as unknown as AedesClient).req

export const insideOf = (aedes: Aedes) => aedes as unknown as AedesInside

/** Hands a stream to Aedes with our connection in the place of the HTTP request, which Aedes only stores. */
export const clientOf = (aedes: Aedes, stream: Duplex, connection: Connection) =>
  aedes.handle(stream, connection as never) as unknown as AedesClient

interface OldStream {
  readonly _readableState: { readonly length: number }
  readonly _writableState: { readonly length: number }
}
/** Bytes read and not taken, also of websocket-stream's older kind of stream, which has no `readableLength`. */
export const bytesToRead = (stream: Duplex) => (stream as unknown as OldStream)._readableState.length
/** Bytes written and not yet handed to the system. */
export const bytesToWrite = (stream: Duplex) => (stream as unknown as OldStream)._writableState.length

interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize?: number
  /** The socket's own handle, under that of TLS. */
  readonly _parent?: Handle
}
/** Bytes that the system has taken from us. A large write counts as it proceeds, which `writableLength` does not show. */
export function bytesTaken(socket: Socket): number {
  const outer = (socket as unknown as { readonly _handle: Handle | null })._handle
  const handle = outer?._parent ?? outer
  return handle?.writeQueueSize === undefined
    ? socket.bytesWritten - socket.writableLength
    : handle.bytesWritten - handle.writeQueueSize
}

/** Whether a packet of a queue is the PUBREL that a QoS 2 message has become: it has a packet identifier and nothing else. */
export const isRelease = ({ cmd }: { readonly cmd: string }): boolean => cmd === 'pubrel'
export const releaseOf = (messageId: number) => ({ cmd: 'pubrel', messageId }) as unknown as Message

const nextPacketId = (id: number) => (id >= 65_535 ? 1 : id + 1)

/** The next packet identifier for a delivery to this client. */
export function takePacketId(client: AedesClient): number {
  const id = client._nextId
  client._nextId = nextPacketId(id)
  return id
}

/** Aedes counts packet identifiers from a random one: here it steps over those that earlier connections have in use. */
export function stepOver(client: AedesClient, isUsed: (id: number) => boolean): void {
  let next = client._nextId
  Object.defineProperty(client, '_nextId', {
    get: () => next,
    set: (id: number) => {
      next = id
      while (isUsed(next)) next = nextPacketId(next)
    },
  })
  client._nextId = next
}
