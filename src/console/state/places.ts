export interface Place {
  readonly path: string
  readonly name: string
  readonly group: 'home' | 'alerts' | 'people' | 'operations'
  readonly who: 'anyone' | 'admin'
}

/** The views that one does not need every day. */
export const places: readonly Place[] = [
  { path: '/people', name: 'People', group: 'people', who: 'anyone' },
  { path: '/account', name: 'My account', group: 'people', who: 'anyone' },
  { path: '/tokens', name: 'Service tokens', group: 'people', who: 'admin' },
  { path: '/operations', name: 'Operations', group: 'operations', who: 'admin' },
  { path: '/quarantine', name: 'Quarantine', group: 'operations', who: 'admin' },
  { path: '/audit', name: 'Audit', group: 'operations', who: 'admin' },
  { path: '/topics', name: 'Topics', group: 'operations', who: 'anyone' },
]
