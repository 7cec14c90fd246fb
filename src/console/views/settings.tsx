import { Title } from '../parts/states.tsx'
import { isForMe } from '../state/homes.ts'
import { type Place, places } from '../state/places.ts'

const groups: Readonly<Record<Place['group'], string>> = {
  home: 'Homes and devices',
  alerts: 'Alerts and listening',
  people: 'People and programs',
  operations: 'The hub',
}

/** Everything that has no place of its own in the navigation, for those who may go there. */
export default function Settings() {
  const open = places.filter(isForMe)
  return (
    <>
      <Title text="More" />
      {Object.entries(groups).map(([group, title]) => {
        const within = open.filter(place => place.group === group)
        return within.length === 0 ? null : (
          <nav key={group} class="panel places" aria-labelledby={`places-${group}`}>
            <h2 id={`places-${group}`}>{title}</h2>
            <ul>
              {within.map(({ path, name }) => (
                <li key={path}>
                  <a href={path}>{name}</a>
                </li>
              ))}
            </ul>
          </nav>
        )
      })}
    </>
  )
}
