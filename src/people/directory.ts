import { Cache } from '../cache.js'
import { HubError } from '../errors.js'
import { homesOf } from '../homes/members.js'
import type { HomeRole, PersonPrincipal, Principal, ServicePrincipal } from '../principal.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Uses } from '../uses.js'
import { type Claims, commandLine, notValid, verifyAccessToken } from './access-tokens.js'
import { findService, serviceInForce } from './service-tokens.js'
import { sessionOwner } from './sessions.js'
import type { SigningKeys } from './signing-keys.js'

/** What a person's rights come from. */
interface Person {
  readonly role: PersonPrincipal['role']
  readonly active: boolean
  readonly token_version: number
  readonly homes: ReadonlyMap<string, HomeRole>
}

const most = 100_000
const mostClaims = 10_000

/**
 * Who stands behind an access token or a service token, and what they may do. What was looked up once is kept, so that authorising a
 * request costs no query; whoever changes a row says so here after the commit, and the next question is answered anew.
 */
export class Directory {
  readonly #db: Db
  readonly #keys: SigningKeys
  readonly #token_uses: Uses
  readonly #people = new Cache<Person | null>(most)
  readonly #sessions = new Cache<string | null>(most)
  readonly #claims = new Cache<Claims>(mostClaims)
  readonly #services = new Cache<ServicePrincipal>(most)

  constructor(db: Db, keys: SigningKeys, token_uses: Uses) {
    this.#db = db
    this.#keys = keys
    this.#token_uses = token_uses
  }

  /** @throws HubError `unauthorized` when the token, its session or its person is no longer in force */
  async authenticatePerson(access_token: string): Promise<PersonPrincipal> {
    // Its signature stays what it is: a key is kept for longer than what it has signed is good.
    const claims = await this.#claims.get(access_token, () => verifyAccessToken(this.#keys, access_token))
    const expires_at = claims.exp * 1000
    if (expires_at <= Date.now()) throw notValid('has expired')
    if ('operator' in claims) return operator(claims.sub, expires_at)
    const { sub: id, sid: session_id, ver } = claims
    const [person, owner] = await Promise.all([this.#person(id), this.#owner(session_id)])
    if (!person?.active || person.token_version !== ver || owner !== id) throw notValid('is no longer valid')
    return { kind: 'person', id, role: person.role, homes: person.homes, session_id, expires_at }
  }

  /** @throws HubError `unauthorized` for a token that is wrong or revoked, `forbidden` for one that has expired */
  async authenticateService(secret: string): Promise<ServicePrincipal> {
    const service = await this.#services.get(secret, () => findService(this.#db, secret))
    if (service.expires_at !== null && service.expires_at <= Date.now())
      throw new HubError('forbidden', 'The service token has expired.')
    this.#token_uses.count(service.id)
    return service
  }

  /** What somebody may do now; null when they are gone or inactive. */
  async rightsOf(user_id: string): Promise<Pick<PersonPrincipal, 'role' | 'homes'> | null> {
    const person = await this.#person(user_id)
    return person?.active ? person : null
  }

  /** Somebody who planned something, by their id, with the rights they have now; null when they have none any more. */
  async standing(id: string): Promise<Principal | null> {
    if (id === commandLine) return operator(id, Number.MAX_SAFE_INTEGER)
    const person = await this.rightsOf(id)
    if (!person) return serviceInForce(this.#db, id, Date.now())
    const { role, homes } = person
    return { kind: 'person', id, role, homes, session_id: null, expires_at: Number.MAX_SAFE_INTEGER }
  }

  #person(id: string): Promise<Person | null> {
    return this.#people.get(id, () => findPerson(this.#db, id))
  }

  #owner(session_id: string): Promise<string | null> {
    return this.#sessions.get(session_id, () => sessionOwner(this.#db, session_id))
  }

  forgetPerson(user_id: string): void {
    this.#people.forget(user_id)
  }

  forgetSession(session_id: string): void {
    this.#sessions.forget(session_id)
  }

  /** Sessions are found by their own id, so those of one person are forgotten with everybody's: it happens once in a while. */
  forgetSessions(): void {
    this.#sessions.clear()
  }

  /** Services are found by their secret, which nobody here has. */
  forgetServices(): void {
    this.#services.clear()
  }
}

/** Who holds the data directory, and with it the hub. */
const operator = (id: string, expires_at: number): PersonPrincipal => ({
  kind: 'person',
  id,
  role: 'admin',
  homes: new Map(),
  session_id: null,
  expires_at,
})

const findUser = prepare((db, { id }: { id: string }) =>
  db.selectFrom('users').select(['role', 'status', 'token_version']).where('id', '=', id),
)

async function findPerson(db: Db, id: string): Promise<Person | null> {
  const [[user], homes] = await Promise.all([findUser(db, { id }), homesOf(db, id)])
  if (!user) return null
  return { role: user.role, active: user.status === 'active', token_version: user.token_version, homes }
}
