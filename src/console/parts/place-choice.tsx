import type { Home } from '../../client/routes.js'
import { rooms } from '../state/homes.ts'

interface PlaceOptions {
  readonly homes: readonly Home[]
  readonly home_id: string
  /** Where it is now, if it is somewhere. */
  readonly room_id: string | null
  readonly choose: (home_id: string) => void
}

/** In which home something is, and in which of its rooms; the form has the room as `room_id`. */
export function PlaceChoice({ homes, home_id, room_id, choose }: PlaceOptions) {
  const here = rooms.value.filter(room => room.home_id === home_id)
  return (
    <>
      <label>
        Home
        <select value={home_id} onChange={event => choose(event.currentTarget.value)}>
          {homes.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label key={home_id}>
        Room
        <select name="room_id">
          <option value="">None</option>
          {here.map(({ id, name }) => (
            <option key={id} value={id} selected={id === room_id}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </>
  )
}
