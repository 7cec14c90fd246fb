import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Message } from '../../client/live.ts'
import { mayListen } from '../../rights.ts'
import { isFilter } from '../../topics.ts'
import { homes } from './homes.ts'
import { follow } from './live.ts'
import { person } from './session.ts'

export interface Heard extends Message {
  /** Counted from the first that was heard. */
  readonly number: number
  /** When it came here, in milliseconds since 1970. */
  readonly at: number
}

/** The oldest make room. */
const kept = 200

interface Hearing {
  /** The newest first. */
  readonly messages: readonly Heard[]
  /** All that were heard, also while it was held. */
  readonly total: number
  readonly clear: () => void
}

/** What is heard on a topic filter from now on; nothing on an empty one. While it is held the list stays as it is. */
export function useHeard(filter: string, isHeld: boolean): Hearing {
  const messages = useSignal<readonly Heard[]>([])
  const total = useSignal(0)
  const held = useRef(isHeld)
  held.current = isHeld
  useEffect(() => {
    messages.value = []
    total.value = 0
    const heard = (message: Message) => {
      const number = ++total.value
      if (held.current) return
      messages.value = [{ ...message, number, at: Date.now() }, ...messages.value.slice(0, kept - 1)]
    }
    return filter === '' ? undefined : follow([filter], { heard })
  }, [filter])
  const clear = () => {
    messages.value = []
  }
  return { messages: messages.value, total: total.value, clear }
}

/** Why nothing would be heard on a topic filter; null where something may be. */
export function filterFault(filter: string): string | null {
  const { value: me } = person
  if (me === null) return null
  if (!isFilter(filter)) return 'A + stands for one whole level, a # for all that follow: it is the last.'
  const in_homes = new Map(homes.value.map(({ id }) => [id, 'member'] as const))
  const { id, role } = me
  const hearer = { kind: 'person', id, role, homes: in_homes, session_id: null, expires_at: 0 } as const
  return mayListen(hearer, filter) ? null : 'You may not hear this: name one of your homes, like homes/home/#.'
}
