/** How far down each entry of the browser's history was scrolled, by a number that it holds. The oldest are forgotten. */
const tops = new Map<number, number>()
const most = 100
/** Entries of before the page was loaded have lower numbers. */
let last = Date.now()
let wanted = 0

const entry = (): number | null => (typeof history.state?.entry === 'number' ? history.state.entry : null)

/** Gives the entry of the history that is shown now a number. */
function number(): number {
  const known = entry()
  if (known !== null) return known
  history.replaceState({ ...history.state, entry: ++last }, '')
  return last
}

// The view of an entry is drawn after the browser would restore its place.
history.scrollRestoration = 'manual'
addEventListener(
  'scroll',
  () => {
    const at = number()
    tops.delete(at)
    tops.set(at, scrollY)
    const [oldest] = tops.keys()
    if (tops.size > most && oldest !== undefined) tops.delete(oldest)
  },
  { passive: true },
)

addEventListener('popstate', () => {
  wanted = tops.get(number()) ?? 0
})

/** Goes to where an entry of the history that is shown again was left, or to the top of a new one. */
export function scrollBack(): void {
  scrollTo(0, wanted)
  wanted = 0
}
