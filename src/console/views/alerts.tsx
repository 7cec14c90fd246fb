import { signal } from '@preact/signals'
import type { Alert } from '../../client/routes.js'
import { Act } from '../parts/act.tsx'
import { AlertCard } from '../parts/alert-card.tsx'
import { ChoiceField } from '../parts/fields.tsx'
import { Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { homes, openAlerts, severities } from '../state/homes.ts'
import { choicesOf, labelled } from '../state/names.ts'
import { usePages } from '../state/pages.ts'
import { session } from '../state/session.ts'

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
  return (
    <>
      <Title text="Alerts" />
      <Ready what="Reading alerts">
        <Filters />
        {filter.value.status !== 'closed' && <Open />}
        {(filter.value.status === '' || filter.value.status === 'closed') && <Closed />}
      </Ready>
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
        choices={[['', 'All'], ...labelled(statuses)]}
        change={next => change({ status: next })}
      />
      <ChoiceField
        label="Severity"
        value={severity}
        choices={[['', 'All'], ...labelled(severities)]}
        change={next => change({ severity: next })}
      />
      {homes.value.length > 1 && (
        <ChoiceField
          label="Home"
          value={home_id}
          choices={[['', 'All'], ...choicesOf(homes.value)]}
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
  const { status, severity, home_id } = filter.value
  const { value, again, more } = usePages<Alert>(
    `${severity} ${home_id}`,
    async page => {
      const query = { ...page, status: 'closed', ...(severity && { severity }), ...(home_id && { home_id }) }
      const { alerts: rows, next_cursor } = await session.call('GET /alerts', { query })
      return { rows, next_cursor }
    },
    openAlerts.value.length,
  )
  return (
    <Read value={value} again={again}>
      {({ rows, next_cursor }) =>
        rows.length === 0 ? (
          status === 'closed' && <Empty>No closed alert is like that.</Empty>
        ) : (
          <>
            <h2>Closed</h2>
            <AlertList alerts={rows} />
            {next_cursor !== null && <Act name="Show older ones" act={more} />}
          </>
        )
      }
    </Read>
  )
}
