import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import type { Home } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { devices, showDevice } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { TextField } from './fields.tsx'
import { typed } from './form.tsx'
import { PlaceChoice } from './place-choice.tsx'
import { Problem } from './problem.tsx'
import { focusTitle } from './states.tsx'

interface NewDeviceOptions {
  /** Those of whoever asks, at least one. */
  readonly homes: readonly Home[]
  readonly made: (made: Answer<'POST /devices'>) => void
  readonly claimed: (claimed: Answer<'POST /homes/{id}/claim-codes'>) => void
}

/** What a new device is called and where it is. One button gives it a key, the other makes a code to exchange for one. */
export function NewDeviceForm({ homes, made, claimed }: NewDeviceOptions) {
  const [home_id, setHome] = useState(homes[0]?.id ?? '')
  const { busy, fault, run } = useAction()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const given = wordsOf(new FormData(event.currentTarget as HTMLFormElement))
    const wantsCode = event.submitter instanceof HTMLButtonElement && event.submitter.value === 'code'
    const done = await run(async () => {
      if (wantsCode) return claimed(await claim(home_id, given))
      const answer = await create(home_id, given)
      showDevice(answer.device)
      made(answer)
    })
    if (done) focusTitle()
  }
  return (
    <form class="panel stack narrow" onSubmit={event => void submit(event)}>
      <TextField label="Name" name="name" required />
      <TextField label="Type" name="type" placeholder="device" suggestions={typesOf()} />
      <PlaceChoice homes={homes} home_id={home_id} room_id={null} choose={setHome} />
      <TextField label="Id, for its topics: a-z, 0-9, - and _; one is made when left out" name="id" most={64} isCode />
      <Problem fault={fault} />
      <div class="row">
        <button type="submit" class="primary" disabled={busy}>
          Add it and show its key
        </button>
        <button type="submit" value="code" disabled={busy}>
          Make a claim code instead
        </button>
      </div>
      <p class="muted">
        A claim code is for a device that fetches its key by itself: it is typed in or scanned there. Its id is made
        then.
      </p>
    </form>
  )
}

/** Those that there are. */
const typesOf = () => [...new Set([...devices.value.values()].map(({ device }) => device.value.type))]

type Words = Readonly<Record<'name' | 'type' | 'room_id' | 'id', string>>

const wordsOf = (given: FormData): Words => ({
  name: typed(given, 'name'),
  type: typed(given, 'type'),
  room_id: typed(given, 'room_id'),
  id: typed(given, 'id'),
})

function create(home_id: string, { name, type, room_id, id }: Words) {
  const body = { name, home_id, ...(type && { type }), ...(room_id && { room_id }), ...(id && { id }) }
  return session.call('POST /devices', { body })
}

function claim(id: string, { name, type, room_id }: Words) {
  const body = { name, type: type || null, room_id: room_id || null }
  return session.call('POST /homes/{id}/claim-codes', { params: { id }, body })
}
