import { HubError } from '../errors.js'
import { type Answer, type Given, HearthClient, type RouteName } from './client.js'
import type { User } from './routes.js'

/** A place for one text that outlives the program, or the page; whoever can read it is signed in. */
export interface SessionStorage {
  read(): string | null
  /** @param text null to forget it */
  write(text: string | null): void
  /** Runs one at a time among all who share the place: a refresh token is good once. */
  exclusive<T>(run: () => Promise<T>): Promise<T>
}

export interface SessionOptions {
  /** Where the hub answers, e.g. `http://127.0.0.1:8080`. */
  readonly url: string
  readonly storage: SessionStorage
  /** Told when somebody has signed in, and when the session has ended, here or elsewhere. */
  readonly changed?: (person: User | null) => void
}

interface Kept {
  readonly access_token: string
  readonly refresh_token: string
  /** Milliseconds since 1970, by the clock of this machine. */
  readonly expires_at: number
  readonly user: User
}

type Granted = Answer<'POST /auth/login'>

/** An access token is exchanged this long before it ends, in milliseconds. */
const margin = 30_000

/** A person who is signed in: calls with a token that is good, and exchanges it in time, one exchange at a time. */
export class Session {
  readonly #options: SessionOptions
  readonly #anonymous: HearthClient
  #kept: Kept | null
  #refreshing: Promise<Kept> | null = null

  constructor(options: SessionOptions) {
    this.#options = options
    this.#anonymous = new HearthClient({ url: options.url })
    this.#kept = parse(options.storage.read())
  }

  get person(): User | null {
    return this.#kept?.user ?? null
  }

  /** Somebody else who shares the storage has signed in or out. */
  reread(): void {
    this.#kept = parse(this.#options.storage.read())
    this.#options.changed?.(this.person)
  }

  /**
   * @param login an e-mail address or a user name
   * @throws HubError `unauthorized` when that is not the password, `rate_limit_exceeded`
   */
  async signIn(login: string, password: string): Promise<User> {
    const name = login.includes('@') ? { email: login } : { username: login }
    return this.#keep(await this.#anonymous.call('POST /auth/login', { body: { ...name, password } })).user
  }

  /**
   * Signs in with a token from a link, which is good once.
   * @throws HubError `unauthorized` when it was used, or is too old
   */
  async follow(refresh_token: string): Promise<User> {
    return this.#keep(await this.#anonymous.call('POST /auth/refresh', { body: { refresh_token } })).user
  }

  /** Ends the session here at once, and at the hub. @throws what the hub or the network says; it is over here all the same */
  async signOut(): Promise<void> {
    const kept = this.#kept
    this.#forget()
    if (kept) await this.#anonymous.call('POST /auth/logout', { body: { refresh_token: kept.refresh_token } })
  }

  /**
   * An access token that is good for at least half a minute, and when it ends (milliseconds since 1970).
   * @param refused one that the hub has not taken, and which is exchanged before its time
   * @throws HubError `unauthorized` when the session has ended; the runtime's error when nobody answers
   */
  async credentials(
    refused: string | null = null,
  ): Promise<{ readonly access_token: string; readonly expires_at: number }> {
    const kept = this.#kept
    if (kept && kept.access_token !== refused && kept.expires_at - Date.now() > margin) return kept
    return this.#refresh(kept)
  }

  /**
   * As `HearthClient.call`, as this person. A token that the hub no longer takes is exchanged, once.
   * @throws as `HearthClient.call`; HubError `unauthorized` when the session has ended
   */
  call = async <Name extends RouteName>(name: Name, ...given: Given<Name>): Promise<Answer<Name>> => {
    const used = await this.credentials()
    try {
      return await this.#callWith(used, name, given)
    } catch (error) {
      if (!isUnauthorized(error)) throw error
      const current = this.#kept
      const next = current && current.access_token !== used.access_token ? current : await this.#refresh(current)
      return this.#callWith(next, name, given)
    }
  }

  #callWith<Name extends RouteName>({ access_token }: { access_token: string }, name: Name, given: Given<Name>) {
    return new HearthClient({ url: this.#options.url, access_token }).call(name, ...given)
  }

  #refresh(old: Kept | null): Promise<Kept> {
    const { exclusive } = this.#options.storage
    this.#refreshing ??= exclusive(() => this.#exchange(old)).finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  /** Whoever shares the storage may have exchanged the token already: then theirs is good. */
  async #exchange(old: Kept | null): Promise<Kept> {
    const stored = parse(this.#options.storage.read())
    if (stored === null || old === null) throw this.#forget()
    if (stored.refresh_token !== old.refresh_token && stored.expires_at - Date.now() > margin) {
      this.#kept = stored
      return stored
    }
    const { refresh_token, user } = stored
    const granted = await this.#anonymous.call('POST /auth/refresh', { body: { refresh_token } }).catch(orNull)
    // Whoever has signed out meanwhile stays out, and whoever has signed in stays in.
    const now = parse(this.#options.storage.read())
    if (now?.user.id !== user.id) throw ended()
    if (granted !== null) return this.#keep(granted)
    if (now.refresh_token === refresh_token) throw this.#forget()
    this.#kept = now
    return now
  }

  #keep({ expires_in, ...granted }: Granted): Kept {
    const kept = { ...granted, expires_at: Date.now() + expires_in * 1000 }
    // Their name or their role may be another than at the last exchange.
    const isNew = JSON.stringify(this.person) !== JSON.stringify(kept.user)
    this.#kept = kept
    this.#options.storage.write(JSON.stringify(kept))
    if (isNew) this.#options.changed?.(kept.user)
    return kept
  }

  #forget(): HubError {
    const had = this.#kept !== null
    this.#kept = null
    this.#options.storage.write(null)
    if (had) this.#options.changed?.(null)
    return ended()
  }
}

const ended = () => new HubError('unauthorized', 'The session has ended: sign in again.')

/** Null where the hub has refused. @throws every other fault */
function orNull(error: unknown): null {
  if (isUnauthorized(error)) return null
  throw error
}

const isUnauthorized = (error: unknown) => error instanceof HubError && error.code === 'unauthorized'

/** What was kept; null when there is nothing, or nothing of ours. */
function parse(text: string | null): Kept | null {
  if (text === null) return null
  try {
    const kept: Partial<Kept> | null = JSON.parse(text)
    return kept?.access_token && kept.refresh_token && kept.expires_at && kept.user ? (kept as Kept) : null
  } catch {
    return null
  }
}
