import type { ComponentChildren } from 'preact'
import { progress } from '../state/homes.ts'
import { Fault, Loading } from './states.tsx'

/** What needs to know the homes, when they are read. */
export function Ready({ what = 'Loading', children }: { what?: string; children: ComponentChildren }) {
  const state = progress.value
  if (state === 'loading') return <Loading what={what} />
  if (state instanceof Error) return <Fault error={state} again={() => location.reload()} />
  return <>{children}</>
}
