import type { Home } from '../../client/routes.js'
import { rooms } from '../state/homes.ts'
import { choicesOf } from '../state/names.ts'
import { ChoiceField } from './fields.tsx'

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
      <ChoiceField label="Home" value={home_id} choices={choicesOf(homes)} change={choose} />
      <ChoiceField
        key={home_id}
        label="Room"
        name="room_id"
        value={room_id ?? ''}
        choices={[['', 'None'], ...choicesOf(here)]}
      />
    </>
  )
}
