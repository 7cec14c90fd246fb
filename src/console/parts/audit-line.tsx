import { useState } from 'preact/hooks'
import type { Audit } from '../../client/routes.js'
import { homeOf, zoneOf } from '../state/homes.ts'
import { labelOf, zoneHere } from '../state/words.ts'
import type { Wanted } from './audit-filter.tsx'
import { Facts } from './facts.tsx'
import { Time } from './time.tsx'

interface LineOptions {
  readonly row: Audit
  /** Of people, by their ids. */
  readonly names: ReadonlyMap<string, string>
  /** Asks for what is like this one too. */
  readonly want: (more: Partial<Wanted>) => void
}

/** One thing that somebody did, or was not let do. */
export function AuditLine({ row, names, want }: LineOptions) {
  const [isOpen, setOpen] = useState(false)
  const { at, action, target, outcome, times, home_id } = row
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">{action}</span>
          <span>{actorText(row, names)}</span>
          {target !== null && <code>{target}</code>}
          {outcome === 'refused' && <span class="outcome-failed">Refused</span>}
          {times > 1 && <span>{times} times</span>}
          <Time at={at} zone={home_id === null ? zoneHere : zoneOf(home_id)} />
        </summary>
        {isOpen && <Details row={row} want={want} />}
      </details>
    </li>
  )
}

function actorText({ actor_kind, actor_id }: Audit, names: ReadonlyMap<string, string>): string {
  const kind = labelOf(actor_kind)
  return actor_id === null ? kind : (names.get(actor_id) ?? `${kind} ${actor_id}`)
}

function Details({ row, want }: Pick<LineOptions, 'row' | 'want'>) {
  const { seq, actor_id, address, request_id, home_id, target, detail, hash } = row
  const facts = [
    ['Row', String(seq)],
    ['Who', actor_id],
    ['From', address],
    ['Home', home_id === null ? null : (homeOf(home_id)?.name ?? home_id)],
    ['Request', request_id],
    ['Hash', hash],
  ] as const
  return (
    <div class="line-body">
      <Facts facts={facts} />
      {detail !== null && <pre class="payload">{JSON.stringify(detail, null, 2)}</pre>}
      <div class="row">
        {actor_id !== null && (
          <button type="button" onClick={() => want({ actor_id })}>
            All by the same
          </button>
        )}
        {target !== null && (
          <button type="button" onClick={() => want({ target })}>
            All about {target}
          </button>
        )}
      </div>
    </div>
  )
}
