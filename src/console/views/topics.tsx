import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import { HubError } from '../../errors.ts'
import { TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { Ready } from '../parts/ready.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { filterFault, type Heard, useHeard } from '../state/heard.ts'
import { homeOf, homes } from '../state/homes.ts'
import { spreadText, timeText, valueText, zoneHere } from '../state/words.ts'

/** What is said on the topics that one may hear, as it is said. */
export default function Topics() {
  return (
    <>
      <Title text="Topics" />
      <Nearby group="operations" />
      <Ready what="Reading your homes">
        <Explorer />
      </Ready>
    </>
  )
}

const below = ['#', 'devices/+/telemetry', 'devices/+/presence', 'devices/+/errors', 'commands', 'alerts']

function Explorer() {
  const [filter, setFilter] = useState(() => (homes.value[0] ? `homes/${homes.value[0].id}/#` : ''))
  const [isHeld, hold] = useState(false)
  const { messages, total, clear } = useHeard(filter, isHeld)
  return (
    <>
      <Filter filter={filter} listen={setFilter} />
      <div class="row news">
        <button type="button" aria-pressed={isHeld} onClick={() => hold(!isHeld)}>
          Pause
        </button>
        <button type="button" onClick={clear}>
          Clear
        </button>
        <p class="muted">{filter === '' ? '' : `${valueText(total)} heard on ${filter}`}</p>
      </div>
      {messages.length === 0 ? (
        <Empty>Nothing was heard yet.</Empty>
      ) : (
        <ul class="lines heard">
          {messages.map(message => (
            <HeardLine key={message.number} message={message} />
          ))}
        </ul>
      )}
    </>
  )
}

function Filter({ filter, listen }: { filter: string; listen: (filter: string) => void }) {
  const send = async (given: FormData) => {
    const wanted = typed(given, 'filter')
    const fault = filterFault(wanted)
    if (fault !== null) throw new HubError('invalid_request', fault)
    listen(wanted)
  }
  const known = homes.value.flatMap(({ id }) => below.map(rest => `homes/${id}/${rest}`))
  return (
    <Form label="What to hear" layout="fields" action="Listen" isPrimary send={send} keeps>
      <TextField label="Topic filter" name="filter" value={filter} required most={1024} suggestions={known} isCode />
    </Form>
  )
}

function HeardLine({ message: { at, topic, payload, retained } }: { message: Heard }) {
  const [isOpen, setOpen] = useState(false)
  const zone = homeOf(topic.split('/')[1] ?? '')?.timezone ?? zoneHere
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">
            {topic.split('/').map((level, index) => (
              <Fragment key={index}>
                {index > 0 && '/'}
                <wbr />
                {level}
              </Fragment>
            ))}
          </span>
          {!isOpen && <code class="beginning">{payload.slice(0, 120)}</code>}
          {retained && <span class="muted">Retained</span>}
          {payload === '' && <span class="muted">Empty</span>}
          <time dateTime={new Date(at).toISOString()}>{timeText(at, zone, at)}</time>
        </summary>
        {isOpen && <pre class="payload">{spreadText(payload)}</pre>}
      </details>
    </li>
  )
}
