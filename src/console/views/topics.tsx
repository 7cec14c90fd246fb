import { useId, useState } from 'preact/hooks'
import { typed } from '../parts/asking.tsx'
import { Nearby } from '../parts/nearby.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { filterFault, type Heard, useHeard } from '../state/heard.ts'
import { homeOf, homes, progress } from '../state/homes.ts'
import { spreadText, timeText, valueText, zoneHere } from '../state/words.ts'
import '../styles/operations.css'

/** What is said on the topics that one may hear, as it is said. */
export default function Topics() {
  const state = progress.value
  return (
    <>
      <Title text="Topics" />
      <Nearby group="operations" />
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'loading' && <Loading what="Reading your homes" />}
      {state === 'ready' && <Explorer />}
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
  const [fault, setFault] = useState<string | null>(null)
  const field = useId()
  const known = useId()
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const wanted = typed(new FormData(event.currentTarget as HTMLFormElement), 'filter')
    const found = filterFault(wanted)
    setFault(found)
    if (found === null) listen(wanted)
  }
  return (
    <form class="fields" aria-label="What to hear" onSubmit={submit}>
      <div>
        <label for={field}>Topic filter</label>
        <input
          id={field}
          name="filter"
          list={known}
          defaultValue={filter}
          required
          maxLength={1024}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
        <datalist id={known}>
          {homes.value.flatMap(({ id }) => below.map(rest => <option key={rest + id} value={`homes/${id}/${rest}`} />))}
        </datalist>
      </div>
      <div class="fields-end">
        <button type="submit" class="primary">
          Listen
        </button>
        <div role="alert" class="problem">
          {fault}
        </div>
      </div>
    </form>
  )
}

function HeardLine({ message: { at, topic, payload, retained } }: { message: Heard }) {
  const [isOpen, setOpen] = useState(false)
  const zone = homeOf(topic.split('/')[1] ?? '')?.timezone ?? zoneHere
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">{topic}</span>
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
