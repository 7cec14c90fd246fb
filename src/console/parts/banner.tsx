import { useEffect, useState } from 'preact/hooks'
import { liveStatus } from '../state/live.ts'

/** A connection that is back within this time was never missed, in milliseconds. */
const patience = 2000

/** Says that what is shown is no longer live. The place for it is there from the beginning, so that it is read out. */
export function Banner() {
  const isOffline = liveStatus.value === 'offline'
  const [isShown, show] = useState(false)
  useEffect(() => {
    if (!isOffline) return show(false)
    const timer = setTimeout(() => show(true), patience)
    return () => clearTimeout(timer)
  }, [isOffline])
  return (
    <div role="status" class={isShown ? 'banner' : ''}>
      {isShown && 'No connection to the hub. What you see is as it was; it goes on by itself when the hub is back.'}
    </div>
  )
}
