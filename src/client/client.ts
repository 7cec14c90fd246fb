import { type ErrorCode, HubError, statuses } from '../errors.js'
import type { Routes } from './routes.js'

interface Problem {
  readonly error?: string
  readonly message?: string
  readonly details?: readonly string[]
}

export interface ClientOptions {
  /** Where the hub answers, e.g. `http://127.0.0.1:8080`. */
  readonly url: string
  /** A person's access token. */
  readonly access_token?: string | undefined
  /** A device's key. */
  readonly api_key?: string | undefined
}

/** A route by its method and path, e.g. `GET /devices/{id}`. */
export type RouteName = keyof Routes
export type Answer<Name extends RouteName> = Routes[Name]['answer']
type Asked<Name extends RouteName> = Omit<Routes[Name], 'answer'> & Extras
/** What a call is given: nothing where the route wants nothing. */
export type Given<Name extends RouteName> =
  Record<string, never> extends Asked<Name> ? [asked?: Asked<Name>] : [asked: Asked<Name>]

interface Extras {
  /** Lets go of whoever waits for the answer. */
  readonly signal?: AbortSignal
  /** The `ETag` of what is to be changed: refused with `precondition_failed` when it is another by now. */
  readonly if_match?: string
}

interface Asking extends Extras {
  readonly params?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
}

/** Speaks to a hub's HTTP API as anybody would. Answers that are not 2xx become the HubError that the hub threw. */
export class HearthClient {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /**
   * Asks a route by its name, typed as the API describes it.
   * @throws HubError as the hub gave it; `internal` when the answer is none of ours; the runtime's error when nobody answers
   */
  call = <Name extends RouteName>(name: Name, ...[asked]: Given<Name>): Promise<Answer<Name>> => {
    const { params = {}, query = {}, body, ...extras }: Asking = asked ?? {}
    const [method = '', path = ''] = name.split(' ')
    const whole = path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(String(params[param])))
    return this.#send(method, `${whole}${queryText(query)}`, body, extras)
  }

  get = <T>(path: string): Promise<T> => this.#send('GET', path)
  /** @param signal lets go of whoever waits for the answer */
  post = <T>(path: string, body: object = {}, signal?: AbortSignal): Promise<T> =>
    this.#send('POST', path, body, signal && { signal })
  put = <T>(path: string, body: object): Promise<T> => this.#send('PUT', path, body)
  patch = <T>(path: string, body: object): Promise<T> => this.#send('PATCH', path, body)
  delete = <T>(path: string): Promise<T> => this.#send('DELETE', path)

  /**
   * @param path below `/api/v1`, e.g. `/devices?limit=10`
   * @throws HubError as the hub gave it; `internal` when the answer is none of ours; the runtime's error when nobody answers
   */
  async #send<T>(method: string, path: string, body?: unknown, { signal, if_match }: Extras = {}): Promise<T> {
    const { url, access_token, api_key } = this.#options
    const response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(access_token ? { authorization: `Bearer ${access_token}` } : {}),
        ...(api_key ? { 'x-api-key': api_key } : {}),
        ...(if_match ? { 'if-match': if_match } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    })
    const text = await response.text()
    const isOurs = text === '' || response.headers.get('content-type')?.includes('json')
    if (!isOurs) throw new HubError('internal', `This is no answer of a hub (status ${response.status}).`)
    const answer: unknown = text === '' ? null : JSON.parse(text)
    if (response.ok) return answer as T
    throw errorOf((answer ?? {}) as Problem)
  }
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value))
  return given.size === 0 ? '' : `?${given}`
}

function errorOf({ error, message = 'The hub gave no reason.', details = [] }: Problem): HubError {
  const known = error !== undefined && Object.hasOwn(statuses, error)
  return new HubError(known ? (error as ErrorCode) : 'internal', message, details)
}
