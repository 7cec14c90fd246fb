/** What runs in the page itself. Each function is sent there as text, and so knows nothing of this file but its types. */

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}
interface Drawing {
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
}
interface Element {
  readonly textContent: string
  readonly width: number
  readonly height: number
  getBoundingClientRect(): { toJSON(): Box }
  getContext(kind: '2d'): Drawing
}
interface Observer {
  observe(options: { readonly type: 'longtask' }): void
  disconnect(): void
}
declare const document: {
  readonly documentElement: Element
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): Iterable<Element>
  getElementsByClassName(name: string): { readonly length: number }
  addEventListener(
    name: 'click',
    heard: (event: { readonly timeStamp: number }) => void,
    options: { readonly once: true; readonly capture: true },
  ): void
}
declare const PerformanceObserver: new (
  heard: (list: { getEntries(): readonly { readonly duration: number }[] }) => void,
) => Observer
declare const requestAnimationFrame: (begin: (now: number) => void) => void
declare const getComputedStyle: (element: Element) => { getPropertyValue(name: string): string }

/** Milliseconds since the navigation began. */
export interface Seen {
  readonly at: number
  /** Where the first device is on the screen. */
  readonly box: Box
}

/**
 * Before a page begins: leaves two promises in it, `shown` (a `Seen`, once so many devices are drawn) and `answered` (milliseconds since the
 * navigation began, once the page of the first device is drawn).
 */
export function watchOverview(cards: number): void {
  const drawn = <T>(look: () => T | null) =>
    new Promise<{ at: number; found: T }>(resolve => {
      const frame = () => {
        const found = look()
        if (found === null) requestAnimationFrame(frame)
        // What is there as a frame begins is drawn as the next one does.
        else requestAnimationFrame(() => resolve({ at: performance.now(), found }))
      }
      requestAnimationFrame(frame)
    })
  const firstLink = () =>
    document.getElementsByClassName('card').length === cards ? document.querySelector('.card a') : null
  const shown = drawn(firstLink).then(({ at, found }) => ({
    seen: { at, box: found.getBoundingClientRect().toJSON() },
    name: found.textContent,
  }))
  const answered = shown.then(({ name }) =>
    drawn(() => (document.querySelector('main h1')?.textContent === name ? name : null)),
  )
  Object.assign(globalThis, { shown: shown.then(({ seen }) => seen), answered: answered.then(({ at }) => at) })
}

/** Frames that began within a time, as `requestAnimationFrame` says, and how long the tasks took that took 50 ms or more. */
export function watchFrames(ms: number): Promise<{ frames: number[]; tasks: number[] }> {
  const [frames, tasks]: [number[], number[]] = [[], []]
  const observer = new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration)))
  observer.observe({ type: 'longtask' })
  return new Promise(resolve => {
    const frame = (now: number) => {
      frames.push(now)
      if (now - (frames[0] ?? now) < ms) return requestAnimationFrame(frame)
      observer.disconnect()
      resolve({ frames, tasks })
    }
    requestAnimationFrame(frame)
  })
}

/** The readings that are shown, device by device. */
export const readings = (): string[] =>
  [...document.querySelectorAll('.card')].map(card => card.textContent.replace(/^.*?(?=Temperature|$)/, ''))

export interface Drawn {
  /** From the click until the frame after that in which the chart was there. */
  readonly ms: number
  /** How many pixels have the colour of its line. */
  readonly pixels: number
}

/** Leaves a promise in the page, `drawn` (a `Drawn`): of the chart that the next click brings. */
export function watchChart(): void {
  const before = document.querySelector('.plot canvas')
  const colour = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()
  const line = [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16))
  const pixelsOf = (canvas: Element) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    let pixels = 0
    for (let at = 0; at < data.length; at += 4)
      if (line.every((part, i) => Math.abs((data[at + i] ?? 0) - part) < 32) && (data[at + 3] ?? 0) > 128) pixels++
    return pixels
  }
  const drawn = new Promise(resolve => {
    const clicked = ({ timeStamp }: { timeStamp: number }) => {
      const frame = () => {
        const canvas = document.querySelector('.plot canvas')
        if (canvas === null || canvas === before) requestAnimationFrame(frame)
        else requestAnimationFrame(() => resolve({ ms: performance.now() - timeStamp, pixels: pixelsOf(canvas) }))
      }
      requestAnimationFrame(frame)
    }
    document.addEventListener('click', clicked, { once: true, capture: true })
  })
  Object.assign(globalThis, { drawn })
}
