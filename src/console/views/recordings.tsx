import { useState } from 'preact/hooks'
import type { Recording } from '../../client/routes.js'
import { ChoiceField } from '../parts/fields.tsx'
import { Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { RecordingLine } from '../parts/recording-line.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { homes } from '../state/homes.ts'
import { choicesOf, labelled, sortedDevices } from '../state/names.ts'
import { useFollowed } from '../state/read.ts'
import { toldIn } from '../state/readings.ts'
import { session } from '../state/session.ts'

/** So many of the newest, and so many more each time; as many as the hub gives at once. */
const shown = 50
const mostShown = 1000

const statuses = ['waiting', 'queued', 'done', 'failed'] as const

interface Filter {
  readonly device_id: string
  readonly status: '' | Recording['status']
}

/** What devices have recorded, and what was heard in it. */
export default function Recordings() {
  const [filter, setFilter] = useState<Filter>({ device_id: '', status: '' })
  const [limit, setLimit] = useState(shown)
  return (
    <>
      <Title text="Recordings" />
      <Ready what="Reading recordings">
        <search class="inputs filters">
          <ChoiceField
            label="Device"
            value={filter.device_id}
            choices={[['', 'All'], ...choicesOf(sortedDevices())]}
            change={device_id => setFilter({ ...filter, device_id })}
          />
          <ChoiceField
            label="Status"
            value={filter.status}
            choices={[['', 'All'], ...labelled(statuses)]}
            change={status => setFilter({ ...filter, status })}
          />
        </search>
        <RecordingList filter={filter} limit={limit} more={() => setLimit(limit + shown)} />
      </Ready>
    </>
  )
}

interface ListOptions {
  readonly filter: Filter
  readonly limit: number
  readonly more: () => void
}

function RecordingList({ filter: { device_id, status }, limit, more }: ListOptions) {
  const found = useFollowed<readonly Recording[]>(`${device_id} ${status} ${limit}`, {
    filters: homes.value.map(({ id }) => `homes/${id}/devices/+/recordings`),
    read: async () => {
      const query = { limit, ...(device_id && { device_id }), ...(status && { status }) }
      return (await session.call('GET /ingest', { query })).recordings
    },
    heard: (known, { payload }) => {
      const said = toldIn('recording', payload)
      return said && (device_id === '' || said.device_id === device_id) ? withRecording(known, said) : known
    },
  })
  return (
    <Read value={found.value} again={found.again}>
      {all => {
        const rows = all.filter(one => status === '' || one.status === status)
        if (rows.length === 0) return <Empty>{noneText(device_id !== '' || status !== '')}</Empty>
        return (
          <>
            <ul class="recordings">
              {rows.map(recording => (
                <RecordingLine key={recording.id} recording={recording} />
              ))}
            </ul>
            {all.length >= limit && limit < mostShown && (
              <button type="button" onClick={more}>
                Show older ones
              </button>
            )}
          </>
        )
      }}
    </Read>
  )
}

const noneText = (isFiltered: boolean) =>
  isFiltered
    ? 'There is no recording like that.'
    : 'Nothing was recorded yet. What a device with a microphone uploads is listened to, and shown here.'

const withRecording = (known: readonly Recording[], said: Recording): readonly Recording[] =>
  known.some(({ id }) => id === said.id)
    ? known.map(one => (one.id === said.id ? said : one))
    : [said, ...known].slice(0, mostShown)
