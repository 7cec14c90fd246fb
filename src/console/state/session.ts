import { signal } from '@preact/signals'
import type { User } from '../../client/routes.js'
import { Session, type SessionStorage } from '../../client/session.ts'
import { isObject, parsed } from './readings.ts'

const key = 'hearth.session'

const storage: SessionStorage = {
  read: () => localStorage.getItem(key),
  write: text => (text === null ? localStorage.removeItem(key) : localStorage.setItem(key, text)),
  // Pages that came over plain HTTP from another machine have no locks.
  exclusive: run => ('locks' in navigator ? navigator.locks.request(key, run) : run()),
}

/** Who is signed in, in all tabs of this browser. */
export const person = signal<User | null>(null)

export const session = new Session({
  url: location.origin,
  storage,
  changed: user => {
    person.value = user
  },
})
person.value = session.person

addEventListener('storage', event => {
  if (event.key === key || event.key === null) session.reread()
})

/** What became of a link that should have signed in; null when nothing is to be said. */
export const linkFault = signal<unknown>(null)

/** A link that the hub has printed holds a token that signs in once. Whoever is signed in already stays who they are. */
async function followLink(): Promise<void> {
  const token = /^#sign-in=(link\.[\w-]+)$/.exec(location.hash)?.[1]
  if (token === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  // What was kept may be of a hub that is no longer there; then this ends it.
  if (person.value !== null) await Promise.allSettled([session.call('GET /users/me')])
  if (person.value !== null) return
  linkFault.value = null
  try {
    await session.follow(token)
  } catch (error) {
    linkFault.value = error
  }
}
addEventListener('hashchange', () => void followLink())
void followLink()

/** My account, as the hub has just said that it is now: kept with the session, and shown. */
export function showPerson(user: User): void {
  const kept = parsed(storage.read() ?? '')
  if (user.id !== person.value?.id || !isObject(kept)) return
  storage.write(JSON.stringify({ ...kept, user }))
  session.reread()
}
