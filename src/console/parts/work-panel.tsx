import { type readFigures, slowestRequests, waitingWork } from '../state/figures.ts'
import { durationText, labelOf, valueText } from '../state/words.ts'
import { Facts } from './facts.tsx'
import { Panel } from './panel.tsx'
import { Empty } from './states.tsx'

type Figures = Awaited<ReturnType<typeof readFigures>>

/** What the hub has still to do, and what it took longest to answer. */
export function WorkPanel({ figures }: { figures: Figures }) {
  const work = waitingWork(figures)
  const requests = slowestRequests(figures)
  return (
    <>
      <Panel id="work" title="Work that waits">
        {work.length === 0 ? (
          <Empty>Nothing waits, and nothing was given up.</Empty>
        ) : (
          <Facts
            facts={work.map(
              ({ kind, state, count }) => [`${kind}, ${labelOf(state).toLowerCase()}`, valueText(count)] as const,
            )}
          />
        )}
      </Panel>
      <Panel id="requests" title="Slowest queries">
        {requests.length === 0 && <Empty>Nothing was asked yet.</Empty>}
        <dl class="facts">
          {requests.map(({ route, count, mean }) => (
            <div key={route}>
              <dt>
                <code>{route}</code>
              </dt>
              <dd>
                {durationText(mean * 1000)}, {count === 1 ? 'once' : `${valueText(count)} times`}
              </dd>
            </div>
          ))}
        </dl>
      </Panel>
    </>
  )
}
