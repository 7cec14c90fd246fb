import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { homes, mayOwn, progress } from '../state/homes.ts'
import { ChoiceField } from './fields.tsx'
import { Empty, Fault, Loading } from './states.tsx'

interface OwnHomeOptions {
  /** What is shown to whoever owns none. */
  readonly none: string
  readonly children: (home_id: string) => ComponentChildren
}

/** What belongs to one of the homes that this person owns, and which of them it is. */
export function OwnHome(options: OwnHomeOptions) {
  const state = progress.value
  if (state === 'loading') return <Loading />
  if (state instanceof Error) return <Fault error={state} again={() => location.reload()} />
  return <Chosen {...options} />
}

function Chosen({ none, children }: OwnHomeOptions) {
  const mine = homes.value.filter(({ id }) => mayOwn(id))
  const [chosen, choose] = useState('')
  const home = mine.find(({ id }) => id === chosen) ?? mine[0]
  if (!home) return <Empty>{none}</Empty>
  return (
    <>
      <div class="inputs filters">
        <ChoiceField
          label="Home"
          value={home.id}
          choices={mine.map(({ id, name }) => [id, name] as const)}
          change={choose}
        />
      </div>
      {children(home.id)}
    </>
  )
}
