import { Fragment } from 'preact'
import { useRoute } from 'preact-iso'
import type { Alert } from '../../client/routes.js'
import { AlertPlace, Moves } from '../parts/alert-card.tsx'
import { AlertNotices } from '../parts/alert-notices.tsx'
import { AlertSteps } from '../parts/alert-steps.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { Title } from '../parts/states.tsx'
import { Time } from '../parts/time.tsx'
import { homes, mayAct, zoneOf } from '../state/homes.ts'
import { useFollowed } from '../state/read.ts'
import { isObject, toldIn } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'

/** An alert, and a number that is another one each time that anything was said of it. */
interface Heard {
  readonly alert: Alert
  readonly version: number
}

let versions = 0
const heardNow = (alert: Alert): Heard => ({ alert, version: ++versions })

/** One alert: what it says, what became of it, what people say about it, and who was told. */
export default function AlertView() {
  const { params } = useRoute()
  const id = params.id ?? ''
  return (
    <>
      <Title text="Alert" />
      <p class="back">
        <a href="/alerts">All alerts</a>
      </p>
      <Ready>
        <Followed key={id} id={id} />
      </Ready>
    </>
  )
}

function Followed({ id }: { id: string }) {
  const found = useFollowed<Heard>(id, {
    filters: homes.value.map(home => `homes/${home.id}/alerts`),
    read: async () => heardNow((await session.call('GET /alerts/{id}', { params: { id } })).alert),
    heard: (known, { payload }) => {
      const alert = toldIn('alert', payload)
      return alert?.id === id && alert.updated_at >= known.alert.updated_at ? heardNow(alert) : known
    },
  })
  return (
    <Read value={found.value} again={found.again}>
      {heard => <Shown {...heard} />}
    </Read>
  )
}

function Shown({ alert, version }: Heard) {
  const zone = zoneOf(alert.home_id)
  return (
    <>
      <section class={`alert alert-${alert.severity}`} aria-label="What it says">
        <p class="alert-head">
          <strong class="severity">{labelOf(alert.severity)}</strong>
          <span>{labelOf(alert.status)}</span>
          {alert.cleared_at !== null && alert.status !== 'closed' && <span>It is over</span>}
        </p>
        <p class="alert-message">{alert.message}</p>
        <p class="alert-place">
          <AlertPlace alert={alert} />
        </p>
        {alert.status !== 'closed' && mayAct(alert.home_id) && <Moves alert={alert} />}
      </section>
      <div class="columns">
        <div>
          <Facts alert={alert} zone={zone} />
          <AlertNotices alert_id={alert.id} version={version} zone={zone} />
        </div>
        <AlertSteps alert={alert} version={version} zone={zone} />
      </div>
    </>
  )
}

function Facts({ alert, zone }: { alert: Alert; zone: string }) {
  const { times, raised_at, last_raised_at, cleared_at, rule_id, source, data } = alert
  return (
    <Panel id="facts" title="About it">
      <dl class="about">
        <dt>First raised</dt>
        <dd>
          <Time at={raised_at} zone={zone} />
        </dd>
        {times > 1 && (
          <>
            <dt>Last raised</dt>
            <dd>
              <Time at={last_raised_at} zone={zone} />, {valueText(times)} times in all
            </dd>
          </>
        )}
        {cleared_at !== null && (
          <>
            <dt>Over since</dt>
            <dd>
              <Time at={cleared_at} zone={zone} />
            </dd>
          </>
        )}
        <dt>Raised by</dt>
        <dd>{rule_id === null ? `A ${source}` : <a href={`/rules/${rule_id}`}>A rule</a>}</dd>
        {isObject(data) &&
          Object.entries(data).map(([name, value]) => (
            <Fragment key={name}>
              <dt>{labelOf(name)}</dt>
              <dd>{valueText(value)}</dd>
            </Fragment>
          ))}
      </dl>
    </Panel>
  )
}
