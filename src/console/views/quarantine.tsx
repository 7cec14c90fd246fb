import { useState } from 'preact/hooks'
import type { Quarantine as Message } from '../../client/routes.js'
import { Act } from '../parts/act.tsx'
import { ChoiceField } from '../parts/fields.tsx'
import { Nearby, Only } from '../parts/nearby.tsx'
import { Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { RefusedMessage } from '../parts/refused-message.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { useCount } from '../state/count.ts'
import { choicesOf, sortedDevices } from '../state/names.ts'
import { usePages } from '../state/pages.ts'
import { session } from '../state/session.ts'

/** Messages of devices that could not be understood: to see, to mend and to be taken after all. */
export default function Quarantine() {
  const [device_id, choose] = useState('')
  return (
    <>
      <Title text="Quarantine" />
      <Nearby group="operations" />
      <Only roles={['admin', 'staff']}>
        <Ready what="Reading your homes">
          <ChooseDevice device_id={device_id} choose={choose} />
          <Messages key={device_id} device_id={device_id} />
        </Ready>
      </Only>
    </>
  )
}

function ChooseDevice({ device_id, choose }: { device_id: string; choose: (device_id: string) => void }) {
  return (
    <div class="inputs filters">
      <ChoiceField
        label="Device"
        value={device_id}
        choices={[['', 'All devices'], ...choicesOf(sortedDevices())]}
        change={choose}
      />
    </div>
  )
}

function Messages({ device_id }: { device_id: string }) {
  const { value, again, change, more } = usePages<Message>(device_id, async page => {
    const query = { ...page, ...(device_id !== '' && { device_id }) }
    const { quarantine: rows, next_cursor } = await session.call('GET /ops/quarantine', { query })
    return { rows, next_cursor }
  })
  const filter = `homes/+/devices/${device_id === '' ? '+' : device_id}/errors`
  // What goes wrong is told by the list itself, or by the banner.
  const { count, clear } = useCount(filter, () => void again().catch(() => undefined))
  const showNew = async () => {
    await again()
    clear()
  }
  const changed = (message: Message) =>
    change(({ rows, next_cursor }) => ({
      rows: rows.map(row => (row.id === message.id ? message : row)),
      next_cursor,
    }))
  const gone = (id: string) =>
    change(({ rows, next_cursor }) => ({ rows: rows.filter(row => row.id !== id), next_cursor }))
  return (
    <>
      <div role="status" class="row news">
        {count > 0 && <Act name={count === 1 ? 'Show 1 new message' : `Show ${count} new messages`} act={showNew} />}
      </div>
      <Read value={value} again={again}>
        {({ rows, next_cursor }) => (
          <>
            {rows.length === 0 && <Empty>Every message was understood.</Empty>}
            <ul class="lines refused">
              {rows.map(message => (
                <RefusedMessage key={message.id} message={message} changed={changed} gone={gone} />
              ))}
            </ul>
            {next_cursor !== null && <Act name="Show older" act={more} />}
          </>
        )}
      </Read>
    </>
  )
}
