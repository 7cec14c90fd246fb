import { useEffect, useRef, useState } from 'preact/hooks'
import type { Room } from '../../client/routes.js'
import { devicesInRooms, forgetRoom, rooms, showRoom } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { Confirm } from './confirm.tsx'
import { TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Panel } from './panel.tsx'
import { Empty } from './states.tsx'

/** The rooms of a home; its owner makes more, renames them and takes them away. */
export function RoomsPanel({ home_id, isMine }: { home_id: string; isMine: boolean }) {
  const here = rooms.value.filter(room => room.home_id === home_id)
  return (
    <Panel id="rooms" title="Rooms">
      {here.length === 0 ? (
        <Empty>This home has no rooms yet.</Empty>
      ) : (
        <ul class="lines">
          {here.map(room => (
            <RoomLine key={room.id} room={room} isMine={isMine} />
          ))}
        </ul>
      )}
      {isMine && <NewRoom home_id={home_id} />}
    </Panel>
  )
}

function RoomLine({ room, isMine }: { room: Room; isMine: boolean }) {
  const [isEditing, edit] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const { id, name } = room
  const count = devicesInRooms.value.get(id)?.length ?? 0
  const remove = async () => {
    await session.call('DELETE /rooms/{id}', { params: { id } })
    forgetRoom(id)
  }
  const close = () => {
    edit(false)
    setTimeout(() => button.current?.focus(), 0)
  }
  if (isEditing) return <Renaming room={room} done={close} />
  return (
    <li class="thing">
      <span class="thing-about">
        <span class="line-name">{name}</span> <span class="muted">{countText(count)}</span>
      </span>
      {isMine && (
        <span class="row">
          <button ref={button} type="button" onClick={() => edit(true)}>
            Rename<span class="unseen"> {name}</span>
          </button>
          <Confirm action="Delete" about={name} title={`Delete the room ${name}?`} run={remove}>
            Its devices stay in the home, in no room.
          </Confirm>
        </span>
      )}
    </li>
  )
}

const countText = (count: number) => (count === 0 ? 'no device' : count === 1 ? 'one device' : `${count} devices`)

function Renaming({ room: { id, name }, done }: { room: Room; done: () => void }) {
  const line = useRef<HTMLLIElement>(null)
  useEffect(() => line.current?.querySelector('input')?.focus(), [])
  const rename = async (given: FormData) => {
    const body = { name: typed(given, 'name') }
    showRoom((await session.call('PATCH /rooms/{id}', { params: { id }, body })).room)
    done()
  }
  const cancel = (
    <button type="button" onClick={done}>
      Cancel
    </button>
  )
  return (
    <li ref={line} class="thing" onKeyDown={({ key }) => key === 'Escape' && done()}>
      <Form class="thing-about" action="Rename" send={rename} beside={cancel} keeps>
        <TextField label={`New name of ${name}`} name="name" required value={name} />
      </Form>
    </li>
  )
}

function NewRoom({ home_id: id }: { home_id: string }) {
  const make = async (given: FormData) => {
    const body = { name: typed(given, 'name') }
    showRoom((await session.call('POST /homes/{id}/rooms', { params: { id }, body })).room)
  }
  return (
    <Form action="Add the room" send={make}>
      <TextField label="Name of a new room" name="name" required />
    </Form>
  )
}
