/** A view that is linked from where others of its kind are. */
export interface Place {
  readonly path: string
  readonly name: string
  readonly group: 'home' | 'alerts' | 'people' | 'operations'
  readonly who: 'anyone' | 'admin'
}

export const places: readonly Place[] = [
  { path: '/devices/new', name: 'Add a device', group: 'home', who: 'anyone' },
  { path: '/groups', name: 'Groups', group: 'home', who: 'anyone' },
]
