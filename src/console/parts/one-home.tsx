import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Home } from '../../client/routes.js'
import { choicesOf } from '../state/names.ts'
import { ChoiceField } from './fields.tsx'
import { Ready } from './ready.tsx'
import { Empty } from './states.tsx'

interface OneHomeOptions {
  /** Those to choose from, once they are read. */
  readonly of: () => readonly Home[]
  /** What is shown where there is none. */
  readonly none: string
  readonly children: (home: Home) => ComponentChildren
}

/** What belongs to one home, and which of several it is. */
export const OneHome = (options: OneHomeOptions) => (
  <Ready what="Reading your homes">
    <Chosen {...options} />
  </Ready>
)

function Chosen({ of, none, children }: OneHomeOptions) {
  const homes = of()
  const [chosen, choose] = useState('')
  const home = homes.find(({ id }) => id === chosen) ?? homes[0]
  if (!home) return <Empty>{none}</Empty>
  return (
    <>
      {homes.length > 1 && (
        <div class="inputs filters">
          <ChoiceField label="Home" value={home.id} choices={choicesOf(homes)} change={choose} />
        </div>
      )}
      {children(home)}
    </>
  )
}
