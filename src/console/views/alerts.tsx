import { signal, useSignal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { Alert } from '../../client/routes.js'
import { AlertCard } from '../parts/alert-card.tsx'
import { ChoiceField } from '../parts/fields.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { homes, openAlerts, progress, severities } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import '../styles/alerts.css'

/** So many of those that are closed, and so many more each time; as many as the hub gives at once. */
const shown = 100
const mostShown = 1000

interface Filter {
  readonly status: '' | Alert['status']
  readonly severity: '' | Alert['severity']
  readonly home_id: string
}

/** Stays as it was for whoever comes back from an alert. */
const filter = signal<Filter>({ status: '', severity: '', home_id: '' })

const statuses = ['open', 'acknowledged', 'escalated', 'closed'] as const
const isFiltered = ({ status, severity, home_id }: Filter) => status !== '' || severity !== '' || home_id !== ''
const fits =
  ({ status, severity, home_id }: Filter) =>
  (alert: Alert) =>
    (status === '' || alert.status === status) &&
    (severity === '' || alert.severity === severity) &&
    (home_id === '' || alert.home_id === home_id)

/** The alerts of all my homes: those that are open, as they come and go, and the last that were closed. */
export default function Alerts() {
  const state = progress.value
  return (
    <>
      <Title text="Alerts" />
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'loading' && <Loading what="Reading alerts" />}
      {state === 'ready' && (
        <>
          <Filters />
          {filter.value.status !== 'closed' && <Open />}
          {(filter.value.status === '' || filter.value.status === 'closed') && <Closed />}
        </>
      )}
    </>
  )
}

function Filters() {
  const { status, severity, home_id } = filter.value
  const change = (part: Partial<Filter>) => {
    filter.value = { ...filter.value, ...part }
  }
  return (
    <search class="inputs filters">
      <ChoiceField
        label="Status"
        value={status}
        choices={[['', 'All'], ...statuses.map(one => [one, labelOf(one)] as const)]}
        change={next => change({ status: next })}
      />
      <ChoiceField
        label="Severity"
        value={severity}
        choices={[['', 'All'], ...severities.map(one => [one, labelOf(one)] as const)]}
        change={next => change({ severity: next })}
      />
      {homes.value.length > 1 && (
        <ChoiceField
          label="Home"
          value={home_id}
          choices={[['', 'All'], ...homes.value.map(({ id, name }) => [id, name] as const)]}
          change={next => change({ home_id: next })}
        />
      )}
    </search>
  )
}

function Open() {
  const alerts = openAlerts.value.filter(fits(filter.value))
  if (alerts.length === 0)
    return <Empty>{isFiltered(filter.value) ? 'No open alert is like that.' : 'No alert is open.'}</Empty>
  return <AlertList alerts={alerts} />
}

const AlertList = ({ alerts }: { alerts: readonly Alert[] }) => (
  <ul class="alerts">
    {alerts.map(alert => (
      <AlertCard key={alert.id} alert={alert} />
    ))}
  </ul>
)

/** Read anew when an alert leaves the open ones. */
function Closed() {
  const closed = useSignal<readonly Alert[] | Error | null>(null)
  const [limit, setLimit] = useState(shown)
  const { severity, home_id } = filter.value
  const open = openAlerts.value.length
  useEffect(() => {
    const query = { status: 'closed', limit, ...(severity && { severity }), ...(home_id && { home_id }) }
    session.call('GET /alerts', { query }).then(
      answer => {
        closed.value = answer.alerts
      },
      (error: Error) => {
        closed.value ??= error
      },
    )
  }, [open, closed, limit, severity, home_id])
  const { value } = closed
  if (value === null) return null
  if (value instanceof Error) return <Fault error={value} />
  const rows = value.filter(fits({ ...filter.value, status: 'closed' }))
  if (rows.length === 0) return filter.value.status === 'closed' ? <Empty>No closed alert is like that.</Empty> : null
  return (
    <>
      <h2>Closed</h2>
      <AlertList alerts={rows} />
      {rows.length >= limit && limit < mostShown && (
        <button type="button" onClick={() => setLimit(limit + shown)}>
          Show older ones
        </button>
      )}
    </>
  )
}
