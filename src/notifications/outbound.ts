import type { LookupAddress } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { SendFault, tooSlow, within } from './send.js'

/** The special-purpose networks of IANA's registry for IPv4, with multicast and what is reserved. */
const special = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Of IPv6 all that is not global unicast is refused: ::1, fc00::/7, fe80::/10, and IPv4 in any of its disguises. Within it:
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
]
const globalUnicast = '2000::/3'

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  }
  return list
}

const barred = blockList(special)
const open = blockList([globalUnicast])

/** What was answered. */
export interface Answer {
  readonly status: number
  /** In how many milliseconds to come again; null when it does not say. */
  readonly retry_after_ms: number | null
}

/** A person may name any address: what is taken of an answer ends here, in bytes. */
const maxAnswerBytes = 64 * 1024
const dnsTimeoutMs = 3000
const maxRetryAfterMs = 86_400_000

/**
 * Sends to addresses that people name, without lending them the hub's place in its network (C15): a name is resolved once, every address that it
 * has is checked, and the connection goes to one of those. Redirects are not followed.
 */
export class Outbound {
  readonly #networks: BlockList
  readonly #hosts: ReadonlySet<string>
  readonly #resolver = new Resolver({ timeout: dnsTimeoutMs, tries: 2 })

  /** @param allow networks, addresses and names of hosts that may be sent to although they are not public, separated by commas */
  constructor(allow = '') {
    const given = allow
      .split(',')
      .map(one => one.trim().toLowerCase())
      .filter(one => one !== '')
    const isNetwork = (one: string) => isIP(one.split('/')[0] ?? '') > 0
    this.#networks = blockList(given.filter(isNetwork))
    this.#hosts = new Set(given.filter(one => !isNetwork(one)))
  }

  /** @throws SendFault when it cannot be sent there, or nobody answers */
  async post(
    to: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const url = new URL(to)
    const addresses = await within(signal, this.#resolve(url))
    try {
      // Of some answers, as of one that changes the protocol, Node tells nobody.
      return await within(signal, exchange(url, addresses, headers, body, signal))
    } catch (error) {
      throw signal.aborted ? tooSlow() : new SendFault(`no answer: ${codeOf(error)}`)
    }
  }

  async #resolve({ protocol, hostname, username, password }: URL): Promise<LookupAddress[]> {
    if (protocol !== 'https:' && protocol !== 'http:')
      throw new SendFault('it is neither http nor https', { permanent: true })
    if (username || password) throw new SendFault('the address holds a password', { permanent: true })
    const host = hostname.replace(/^\[|\]$/g, '')
    const family = isIP(host)
    const found = family > 0 ? [{ address: host, family }] : await this.#lookUp(host)
    if (!this.#hosts.has(host) && !found.every(one => this.#isAllowed(one)))
      throw new SendFault('the address lies in a network that the hub does not send to: see HEARTH_OUTBOUND_ALLOW', {
        permanent: true,
      })
    return found
  }

  /** The system knows names that DNS does not, but it looks in threads that all share: only for names that were allowed. */
  async #lookUp(host: string): Promise<LookupAddress[]> {
    const looking = this.#hosts.has(host) ? lookup(host, { all: true }) : this.#askDns(host)
    return looking.catch((error: NodeJS.ErrnoException) => {
      throw new SendFault(`the host was not found: ${error.code}`)
    })
  }

  /** All addresses of a name. @throws Error when it has none */
  async #askDns(host: string): Promise<LookupAddress[]> {
    const asked = await Promise.allSettled([this.#resolver.resolve4(host), this.#resolver.resolve6(host)])
    const found = asked.flatMap((one, i) =>
      one.status === 'fulfilled' ? one.value.map(address => ({ address, family: i === 0 ? 4 : 6 })) : [],
    )
    if (found.length > 0) return found
    throw asked.find(one => one.status === 'rejected')?.reason ?? Object.assign(new Error(), { code: 'ENODATA' })
  }

  #isAllowed({ address, family }: LookupAddress): boolean {
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (this.#networks.check(address, type)) return true
    return (family === 4 || open.check(address, type)) && !barred.check(address, type)
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? (error as Error).name

function exchange(
  url: URL,
  addresses: readonly LookupAddress[],
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest
  const length = { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent: false,
      headers: { ...headers, ...length },
      lookup: given(addresses),
      signal,
    }
    request(url, options, answer => takeAnswer(answer).then(resolve, reject))
      .on('error', reject)
      .end(body)
  })
}

/** Gives the addresses that were checked, and asks nobody. */
const given =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_, { all }, done) => {
    const [first] = addresses
    if (all) done(null, [...addresses])
    else done(null, first?.address ?? '', first?.family)
  }

/** The status is all that counts; the rest is read so that the other side can end in peace, and only so far. */
async function takeAnswer(answer: IncomingMessage): Promise<Answer> {
  // What breaks off has been answered all the same.
  await drain(answer).catch(() => undefined)
  return { status: answer.statusCode ?? 0, retry_after_ms: retryAfter(answer.headers['retry-after'], Date.now()) }
}

async function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0
  for await (const chunk of answer) {
    bytes += (chunk as Buffer).length
    if (bytes > maxAnswerBytes) break
  }
}

/** Seconds or a date, as RFC 9110 has it. @returns milliseconds, a day at most */
export function retryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), maxRetryAfterMs)
}

/** @throws SendFault unless it was taken */
export function checkTaken({ status, retry_after_ms }: Answer): void {
  if (status >= 200 && status < 300) return
  // Gone is said of what will not come back; a redirect may lead anywhere.
  const permanent = status === 410
  throw new SendFault(`the answer was ${status}`, { permanent, retry_after_ms })
}
