import type { ComponentChildren } from 'preact'
import { useLocation } from 'preact-iso'
import type { User } from '../../client/routes.js'
import { isForMe } from '../state/homes.ts'
import { type Place, places } from '../state/places.ts'
import { person } from '../state/session.ts'
import { Empty } from './states.tsx'

/** The views that belong together, at the head of each of them. */
export function Nearby({ group }: Pick<Place, 'group'>) {
  const { path } = useLocation()
  const here = places.filter(place => place.group === group && isForMe(place))
  if (here.length < 2) return null
  return (
    <nav class="nearby" aria-label="Related views">
      {here.map(place => (
        <a key={place.path} href={place.path} aria-current={place.path === path ? 'page' : undefined}>
          {place.name}
        </a>
      ))}
    </nav>
  )
}

/** What is there only for those who run the hub. */
export function Only({ roles, children }: { roles: readonly User['role'][]; children: ComponentChildren }) {
  const role = person.value?.role
  if (role !== undefined && roles.includes(role)) return <>{children}</>
  return <Empty>Only those who run this hub may see this.</Empty>
}
