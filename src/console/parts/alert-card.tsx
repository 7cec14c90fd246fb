import { useRef } from 'preact/hooks'
import type { Alert } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { homeOf, mayAct, showAlert, zoneOf } from '../state/homes.ts'
import { deviceName } from '../state/names.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { Confirm } from './confirm.tsx'
import { Problem } from './problem.tsx'
import { focusAnew } from './states.tsx'
import { Ago } from './time.tsx'

const moves = [
  { path: 'POST /alerts/{id}/ack', name: 'Acknowledge', from: ['open', 'escalated'] },
  { path: 'POST /alerts/{id}/escalate', name: 'Escalate', from: ['open', 'acknowledged'] },
  { path: 'POST /alerts/{id}/close', name: 'Close', from: ['open', 'acknowledged', 'escalated'] },
] as const satisfies readonly { path: string; name: string; from: readonly Alert['status'][] }[]

/** An alert, and what can be done about it by whoever may; on the page of its own device it does not name that. */
export function AlertCard({ alert, isAtHome = false }: { alert: Alert; isAtHome?: boolean }) {
  const zone = zoneOf(alert.home_id)
  return (
    <li class={`alert alert-${alert.severity}`}>
      <p class="alert-head">
        <strong class="severity">{labelOf(alert.severity)}</strong>
        <span>{labelOf(alert.status)}</span>
        {alert.cleared_at !== null && alert.status !== 'closed' && <span>It is over</span>}
        <span>
          <Ago at={alert.last_raised_at} zone={zone} />
        </span>
        {alert.times > 1 && <span>{alert.times} times</span>}
      </p>
      <p class="alert-message">
        <a href={`/alerts/${alert.id}`}>{alert.message}</a>
      </p>
      {!isAtHome && (
        <p class="alert-place">
          <AlertPlace alert={alert} />
        </p>
      )}
      {alert.status !== 'closed' && mayAct(alert.home_id) && <Moves alert={alert} />}
    </li>
  )
}

export function AlertPlace({ alert: { device_id, home_id } }: { alert: Alert }) {
  const home = homeOf(home_id)?.name ?? home_id
  if (device_id === null) return <>{home}</>
  return (
    <>
      <a href={`/devices/${device_id}`}>{deviceName(device_id)}</a>, {home}
    </>
  )
}

/** What can be done about it now. */
export function Moves({ alert }: { alert: Alert }) {
  const { busy, fault, run } = useAction()
  const row = useRef<HTMLDivElement>(null)
  type Path = (typeof moves)[number]['path']
  const ask = async (path: Path) => showAlert((await session.call(path, { params: { id: alert.id } })).alert)
  const close = () => ask('POST /alerts/{id}/close')
  const move = async (path: Path) => {
    await run(() => ask(path))
    setTimeout(() => focusNext(row.current), 0)
  }
  return (
    <div ref={row} class="row moves">
      {moves
        .filter(({ from }) => from.some(status => status === alert.status))
        .map(({ path, name }) =>
          name === 'Close' && alert.cleared_at === null ? (
            <Confirm
              key={path}
              action={name}
              about={`: ${alert.message}`}
              title="Close it before it is over?"
              run={close}
            >
              Nobody is told of it any more, unless it is raised anew.
            </Confirm>
          ) : (
            <button key={path} type="button" aria-disabled={busy} onClick={() => void move(path)}>
              {name}
              <span class="unseen">: {alert.message}</span>
            </button>
          ),
        )}
      <Problem fault={fault} />
    </div>
  )
}

/** The button that had the focus is gone with what it did: another of its row has it then, or the heading. */
function focusNext(row: HTMLElement | null): void {
  if (document.activeElement === document.body) row?.querySelector('button')?.focus({ preventScroll: true })
  focusAnew()
}
