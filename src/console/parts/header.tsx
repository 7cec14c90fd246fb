import { useLocation } from 'preact-iso'
import { openAlerts } from '../state/homes.ts'
import { places } from '../state/places.ts'
import { person, session } from '../state/session.ts'

export function Header() {
  const { path } = useLocation()
  const count = openAlerts.value.length
  const here = (target: string) => (path === target ? ('page' as const) : undefined)
  const isRare = places.some(place => path === place.path || path.startsWith(`${place.path}/`))
  return (
    <header class="header">
      <a href="/" class="brand" aria-label="Hearth">
        <Flame />
        <span class="brand-name">Hearth</span>
      </a>
      <nav aria-label="Main">
        <a href="/" aria-current={here('/')}>
          Home
        </a>
        <a href="/alerts" aria-current={here('/alerts')}>
          Alerts
          {count > 0 && (
            <span class="count">
              {count}
              <span class="unseen"> open</span>
            </span>
          )}
        </a>
        <a href="/settings" aria-current={isRare ? 'true' : here('/settings')}>
          More
        </a>
      </nav>
      <div class="who">
        <span class="who-name">{person.value?.username}</span>
        <button type="button" class="quiet" onClick={() => void session.signOut().catch(() => undefined)}>
          Sign out
        </button>
      </div>
    </header>
  )
}

export function Flame() {
  return (
    <svg class="flame" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M16 6c1 4 6 6 6 12a6 6 0 0 1-12 0c0-2.500 1.200-4 2.400-5.200.3 2 1.200 2.800 2 3C14 12.500 14 9 16 6z" />
    </svg>
  )
}
