import { useEffect, useState } from 'preact/hooks'
import { liveStatus } from '../state/live.ts'
import { missing } from '../state/patience.ts'

/** A connection that is back within this time was never missed, in milliseconds. */
const patience = 2000

const faults = {
  missing: 'What you opened cannot be fetched now. It comes by itself when the hub is back.',
  offline: 'No connection to the hub. What you see is as it was; it goes on by itself when the hub is back.',
}

/** Says that what is shown is no longer live, or not what was asked for. The place for it is there from the beginning, so that it is read out. */
export function Banner() {
  const fault = missing.value > 0 ? 'missing' : liveStatus.value === 'offline' ? 'offline' : null
  const [isShown, show] = useState(false)
  useEffect(() => {
    if (fault === null) return show(false)
    const timer = setTimeout(() => show(true), patience)
    return () => clearTimeout(timer)
  }, [fault === null])
  return (
    <div role="status" class={isShown ? 'banner' : ''}>
      {isShown && fault && faults[fault]}
    </div>
  )
}
