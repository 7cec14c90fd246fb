import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { follow } from './live.ts'

/**
 * How many messages were heard on a topic filter since it was shown, or cleared.
 * @param missed what is done when there may have been some that were not heard, as at first
 */
export function useCount(filter: string, missed: () => void): { readonly count: number; readonly clear: () => void } {
  const count = useSignal(0)
  const latest = useRef(missed)
  latest.current = missed
  useEffect(() => {
    count.value = 0
    return follow([filter], {
      heard: ({ retained }) => {
        if (!retained) count.value++
      },
      resumed: () => latest.current(),
    })
  }, [filter])
  return {
    count: count.value,
    clear: () => {
      count.value = 0
    },
  }
}
