import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Alert } from '../../client/routes.js'
import { AlertCard } from '../parts/alert-card.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { openAlerts, progress } from '../state/homes.ts'
import { session } from '../state/session.ts'

const shown = 100

/** The alerts of all my homes: those that are open, as they come and go, and the last that were closed. */
export function Alerts() {
  const state = progress.value
  return (
    <>
      <Title text="Alerts" />
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'loading' && <Loading what="Reading alerts" />}
      {state === 'ready' && (
        <>
          {openAlerts.value.length === 0 ? (
            <Empty>No alert is open.</Empty>
          ) : (
            <ul class="alerts">
              {openAlerts.value.map(alert => (
                <AlertCard key={alert.id} alert={alert} />
              ))}
            </ul>
          )}
          <Closed />
        </>
      )}
    </>
  )
}

/** Read anew when an alert leaves the open ones. */
function Closed() {
  const closed = useSignal<readonly Alert[] | Error | null>(null)
  const open = openAlerts.value.length
  useEffect(() => {
    session.call('GET /alerts', { query: { status: 'closed', limit: shown } }).then(
      answer => {
        closed.value = answer.alerts
      },
      (error: Error) => {
        closed.value ??= error
      },
    )
  }, [open, closed])
  const { value } = closed
  if (value === null) return null
  if (value instanceof Error) return <Fault error={value} />
  if (value.length === 0) return null
  return (
    <>
      <h2>Closed</h2>
      <ul class="alerts">
        {value.map(alert => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
      </ul>
    </>
  )
}
