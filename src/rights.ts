import type { DevicePrincipal, HomeRole, PersonPrincipal, Principal, ServicePrincipal } from './principal.js'
import { covers, homeOf, isHubTopic, isPlainFilter, matches, mountedTopic, ownHomesTopic } from './topics.js'

/**
 * What a principal may do, decided here for HTTP and MQTT alike: what somebody may read is exactly what they may hear. Nothing here asks
 * the database; a principal carries what is needed.
 */

/** In a home: to see what happens, to ask devices to do something, to change what there is. */
export type Right = 'read' | 'command' | 'own'

const rightsOf: Readonly<Record<HomeRole, readonly Right[]>> = {
  owner: ['read', 'command', 'own'],
  technician: ['read', 'command'],
  member: ['read', 'command'],
}

/** A thing in a home: of one device when it says which, with the topic on which it is told, below the device's prefix. */
export interface Place {
  readonly home_id: string
  readonly device_id?: string
  readonly rest?: string
}

/** Whether somebody has a right where a thing is. */
export function may(principal: Principal, right: Right, place: Place): boolean {
  switch (principal.kind) {
    case 'person':
      return mayInHome(principal, right, place.home_id)
    case 'service':
      return mayByScope(principal, right, place)
    case 'device':
      return right === 'read' && place.device_id === principal.id
    case 'claim':
      return false
  }
}

/** Administrators may do all; staff read every home. */
function mayInHome({ role, homes }: PersonPrincipal, right: Right, home_id: string): boolean {
  if (role === 'admin' || (role === 'staff' && right === 'read')) return true
  const inHome = homes.get(home_id)
  return inHome !== undefined && rightsOf[inHome].includes(right)
}

/** A program's scopes are topic filters, over HTTP as well: what it could hear it may read, where it could publish it may act. */
function mayByScope({ api, subscribe, publish }: ServicePrincipal, right: Right, place: Place): boolean {
  if (api === 'none' || (right !== 'read' && api !== 'write')) return false
  const { home_id, device_id, rest } = place
  const within = right === 'read' ? subscribe : publish
  const wanted =
    right === 'own' || device_id === undefined
      ? `homes/${home_id}/#`
      : mountedTopic(home_id, device_id, right === 'read' ? (rest ?? 'presence') : 'commands')
  return within.some(scope => covers(scope, wanted))
}

/** Whether a program may read and act in every home. */
export const mayEverywhere = (principal: Principal): boolean =>
  principal.kind === 'service' &&
  principal.api === 'write' &&
  [principal.subscribe, principal.publish].every(scopes => scopes.some(scope => covers(scope, 'homes/+/#')))

/** Whether somebody who is no device may be subscribed to a topic filter. */
export function mayListen(principal: PersonPrincipal | ServicePrincipal, filter: string): boolean {
  if (filter.startsWith('$') || !isPlainFilter(filter)) return false
  if (principal.kind === 'service') return principal.subscribe.some(scope => covers(scope, filter))
  if (principal.role === 'admin' || filter === ownHomesTopic(principal.id)) return true
  if (principal.role === 'staff') return covers('homes/#', filter)
  const home = homeOf(filter)
  return home !== null && principal.homes.has(home)
}

/** Whether a program may publish on a topic: where its scopes say so, and not in the hub's own name. */
export const mayPublish = ({ publish }: ServicePrincipal, topic: string): boolean =>
  !topic.startsWith('$') && !isHubTopic(topic) && publish.some(scope => matches(scope, topic))

/** The topics that a person or a program may hear: prefixes, or filters; everything but `$` when neither is there. */
export interface Ears {
  readonly prefixes?: readonly string[]
  readonly filters?: readonly string[]
}

/** What to compare with at each delivery. */
export function earsOf(principal: PersonPrincipal | ServicePrincipal): Ears {
  if (principal.kind === 'service') return { filters: principal.subscribe }
  if (principal.role === 'admin') return {}
  const homes = principal.role === 'staff' ? [''] : [...principal.homes.keys()].map(home => `${home}/`)
  return { prefixes: [...homes.map(home => `homes/${home}`), ownHomesTopic(principal.id)] }
}

/** Where the things of a list may be: `null` for everywhere, else in these homes, or of these devices in these homes. */
export type Reach = null | readonly { readonly home_id: string | null; readonly device_id: string | null }[]

/** @param rest the topic on which the things are told, below the device's prefix */
export function reachOf(principal: Principal, rest: string): Reach {
  switch (principal.kind) {
    case 'person':
      return principal.role === 'user'
        ? [...principal.homes.keys()].map(home_id => ({ home_id, device_id: null }))
        : null
    case 'service':
      return reachOfScopes(principal, rest)
    case 'device':
      return [placeOf(principal)]
    case 'claim':
      return []
  }
}

/** The homes in which somebody has a right as a whole; null for all. */
export function homesOf(principal: Principal, right: Right = 'read'): readonly string[] | null {
  if (principal.kind === 'person') {
    const isEverywhere = principal.role === 'admin' || (principal.role === 'staff' && right === 'read')
    return isEverywhere ? null : [...principal.homes.keys()].filter(home_id => mayInHome(principal, right, home_id))
  }
  if (principal.kind !== 'service' || principal.api === 'none') return []
  const scopes = right === 'read' ? principal.subscribe : principal.publish
  const named = scopes.map(scope => scope.split('/')[1] ?? '')
  if (scopes.some(scope => covers(scope, 'homes/+/#')) && (right === 'read' || principal.api === 'write')) return null
  return named.filter(home_id => may(principal, right, { home_id }))
}

const placeOf = ({ home_id, id }: DevicePrincipal) => ({ home_id, device_id: id })

function reachOfScopes({ api, subscribe }: ServicePrincipal, rest: string): Reach {
  if (api === 'none') return []
  const places = subscribe.flatMap(scope => {
    const levels = scope.split('/')
    const at = (level: number) => levels.slice(0, level + 1).includes('#') || levels[level] === '+'
    const [home_id, device_id] = [at(1) ? null : (levels[1] ?? ''), at(3) ? null : (levels[3] ?? '')]
    return matches(scope, mountedTopic(home_id ?? 'x', device_id ?? 'x', rest)) ? [{ home_id, device_id }] : []
  })
  return places.some(({ home_id, device_id }) => home_id === null && device_id === null) ? null : places
}
