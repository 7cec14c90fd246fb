import { batch, effect, signal } from '@preact/signals'
import type { Listener, Live, LiveStatus, Message } from '../../client/live.ts'
import { patiently } from './patience.ts'
import { person, session } from './session.ts'

export const liveStatus = signal<LiveStatus>('connecting')

const url = `${location.origin.replace(/^http/, 'ws')}/mqtt`
let live: Promise<Live> | null = null

/** How long after one drawing the next one may be, in milliseconds. Nobody reads faster, and each costs the page a layout. */
const pause = 100

/** As many wait at most: the timers of a hidden page run once a minute. */
const mostWaiting = 1000

/** What was heard and not shown yet: what comes alone is shown at once, and of hundreds of messages a second many at a time. */
let waiting: (() => void)[] = []
let shownAt = Number.NEGATIVE_INFINITY
function show(): void {
  const all = waiting
  waiting = []
  shownAt = performance.now()
  batch(() => {
    for (const one of all) one()
  })
}

const open = async () => {
  const { Live } = await patiently(() => import('../../client/live.ts'))
  return new Live({
    url,
    credentials: refused => session.credentials(refused),
    changed: status => {
      liveStatus.value = status
    },
  })
}

/** Listens to topics as long as the page is shown that wants them. @returns what ends it */
export function follow(filters: readonly string[], { heard, resumed }: Listener): () => void {
  live ??= open()
  let stop: (() => void) | null = null
  let isOver = false
  const whenShown = (message: Message) => {
    if (waiting.length === 0) setTimeout(show, shownAt + pause - performance.now())
    waiting.push(() => isOver || heard(message))
    if (waiting.length >= mostWaiting) show()
  }
  void live.then(opened => {
    if (!isOver) stop = opened.subscribe(filters, { heard: whenShown, ...(resumed && { resumed }) })
  })
  return () => {
    isOver = true
    stop?.()
  }
}

let whose: string | null = null
// Another person is another connection.
effect(() => {
  const id = person.value?.id ?? null
  if (id === whose) return
  whose = id
  void live?.then(opened => opened.close())
  live = null
  liveStatus.value = 'connecting'
})

const wake = () => void live?.then(opened => opened.wake())
addEventListener('online', wake)
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake())

/** Nobody tells of a network that is gone silently. Whoever does not look need not know. */
const check = () => document.visibilityState === 'visible' && void live?.then(opened => opened.check())
const checkEveryMs = 10_000
setInterval(check, checkEveryMs)
addEventListener('offline', check)
