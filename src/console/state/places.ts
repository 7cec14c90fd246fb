import type { User } from '../../client/routes.js'

/** Where one goes more rarely than to one's homes and alerts: listed on a page of its own. */
export interface Place {
  readonly path: string
  readonly name: string
  readonly group: 'home' | 'alerts' | 'people' | 'operations'
  readonly who: 'anyone' | 'owner' | 'staff' | 'admin'
}

/** Whether somebody may see what a place shows, who owns a home or not. */
export const isFor = ({ who }: Place, role: User['role'] | undefined, isOwner: boolean) =>
  who === 'anyone' || role === 'admin' || who === role || (who === 'owner' && isOwner)

export const places: readonly Place[] = [
  { path: '/add-device', name: 'Add a device', group: 'home', who: 'owner' },
  { path: '/groups', name: 'Groups', group: 'home', who: 'anyone' },
  { path: '/add-home', name: 'Add a home', group: 'home', who: 'anyone' },
  { path: '/rules', name: 'Rules', group: 'alerts', who: 'anyone' },
  { path: '/contacts', name: 'Contacts', group: 'alerts', who: 'owner' },
  { path: '/recordings', name: 'Recordings', group: 'alerts', who: 'anyone' },
  { path: '/detectors', name: 'Detectors', group: 'alerts', who: 'owner' },
  { path: '/people', name: 'People', group: 'people', who: 'anyone' },
  { path: '/account', name: 'My account', group: 'people', who: 'anyone' },
  { path: '/tokens', name: 'Service tokens', group: 'people', who: 'admin' },
  { path: '/operations', name: 'Operations', group: 'operations', who: 'staff' },
  { path: '/quarantine', name: 'Quarantine', group: 'operations', who: 'staff' },
  { path: '/audit', name: 'Audit', group: 'operations', who: 'staff' },
  { path: '/topics', name: 'Topics', group: 'operations', who: 'anyone' },
]
