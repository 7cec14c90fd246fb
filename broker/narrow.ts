import type { PersonPrincipal } from '../src/principal.js'
import { earsOf, mayListen } from '../src/rights.js'
import { hears } from './authorize.js'
import { isRelease } from './internals.js'
import type { Session } from './session.js'
import type { Sessions } from './sessions.js'

export type Rights = Pick<PersonPrincipal, 'role' | 'homes'>

/**
 * Takes from the session of somebody who is away what they may not hear any more: the subscriptions, and what waits by them. It does not
 * come back with the right.
 */
export async function narrow(sessions: Sessions, session: Session, { role, homes }: Rights): Promise<void> {
  const { id } = session
  const person = { kind: 'person', id, role, homes, session_id: null, expires_at: Number.POSITIVE_INFINITY } as const
  const lost = [...session.subs.keys()].filter(filter => !mayListen(person, filter))
  if (lost.length > 0) await sessions.removeSubscriptions({ id }, lost)
  if (session.waiting === 0) return
  const ears = earsOf(person)
  for await (const message of sessions.queues.all(session))
    if (!isRelease(message) && !hears(ears, message.topic)) await sessions.queues.remove(session, message)
}
