import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { aroundEqual } from '../state/scale.ts'
import type { Series } from '../state/series.ts'
import { axisText, valueText } from '../state/words.ts'

/** Between two moments, milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

interface PlotOptions {
  readonly series: Series
  readonly zone: string
  readonly unit: string
  readonly name: string
  /** How far back it looks, in milliseconds; without, from the first to the last that there is. */
  readonly length_ms?: number
  /** Times that are marked. */
  readonly spans?: readonly Span[]
}

const none: readonly Span[] = []
const height = 280

/** Mean of each window as a line, from least to greatest as a band. */
export default function Plot({ series, zone, unit, name, length_ms = 0, spans = none }: PlotOptions) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const shown = useRef(series)
  const drawn = useRef<Series | null>(null)
  shown.current = series
  // Drawn in the frame in which its place comes, and not in a later one.
  useLayoutEffect(() => {
    const element = place.current
    if (!element) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsFor(element, zone, unit, name, spans), columns(shown.current, length_ms), element)
      drawn.current = shown.current
    }
    // Paper has colours of its own.
    const schemes = [matchMedia('(prefers-color-scheme: dark)'), matchMedia('print')]
    // It is told at once of the size that was just drawn, too.
    const fit = new ResizeObserver(() => {
      const width = element.clientWidth
      if (plot.current?.width !== width) plot.current?.setSize({ width, height })
    })
    draw()
    fit.observe(element)
    for (const scheme of schemes) scheme.addEventListener('change', draw)
    return () => {
      fit.disconnect()
      for (const scheme of schemes) scheme.removeEventListener('change', draw)
      plot.current?.destroy()
    }
  }, [zone, unit, name, length_ms, spans])
  useEffect(() => {
    if (drawn.current === series) return
    drawn.current = series
    plot.current?.setData(columns(series, length_ms))
  }, [series])
  return <div class="plot" ref={place} />
}

/** From the beginning of the time that is looked at until now, also where nothing was measured. */
function columns({ at, mean, min, max }: Series, length_ms: number): uPlot.AlignedData {
  if (length_ms === 0) return [[...at], [...mean], [...min], [...max]]
  const end = Math.max(Date.now() / 1000, at.at(-1) ?? 0)
  const begin = Math.min(end - length_ms / 1000, at[0] ?? end)
  const framed = (values: readonly (number | null)[]) => [null, ...values, null]
  return [[begin, ...at, end], framed(mean), framed(min), framed(max)]
}

/** A little more than what there is, and for what never changed one up and one down. */
const around = (least: number, most: number): uPlot.Range.MinMax =>
  aroundEqual(least, most) ?? uPlot.rangeNum(least, most, 0.1, true)

/** Of so few each is seen by itself: a line has two ends at least. */
const fewPoints = 24
const areFew = (_: uPlot, __: number, first: number, last: number) => last - first < fewPoints

/** Marks times behind what is drawn. */
function mark(
  { ctx, bbox: { left, top, width, height }, valToPos }: uPlot,
  spans: readonly Span[],
  colour: string,
): void {
  ctx.save()
  ctx.globalAlpha = 0.2
  ctx.fillStyle = colour
  for (const { from, to } of spans) {
    const begin = Math.max(left, valToPos(from / 1000, 'x', true))
    const end = Math.min(left + width, valToPos(to / 1000, 'x', true))
    if (end >= begin) ctx.fillRect(begin, top, Math.max(2, end - begin), height)
  }
  ctx.restore()
}

function optionsFor(
  element: HTMLElement,
  zone: string,
  unit: string,
  name: string,
  spans: readonly Span[],
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (token: string) => style.getPropertyValue(token).trim()
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    font: `12px ${style.fontFamily}`,
  }
  const told = (_: uPlot, value: number | null) => (value === null ? '–' : `${valueText(value)} ${unit}`)
  const edge = { stroke: 'transparent', points: { show: false }, value: told }
  const time = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone })
  return {
    width: element.clientWidth,
    height,
    tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), zone),
    padding: [8, 28, 0, 0],
    scales: {
      y: { range: (_, least, most) => around(least, most) },
    },
    cursor: { y: false, points: { size: 7 } },
    axes: [
      {
        ...axis,
        space: 72,
        values: (_, splits, __, ___, step) => splits.map(at => axisText(at * 1000, step * 1000, zone)),
      },
      { ...axis, size: 60, values: (_, values) => values.map(valueText) },
    ],
    series: [
      { label: 'Time', value: (_, seconds) => (seconds === null ? '–' : time.format(seconds * 1000)) },
      { label: name, stroke: colour('--accent'), width: 1.5, value: told, points: { show: areFew, size: 5 } },
      { ...edge, label: 'Least' },
      { ...edge, label: 'Most' },
    ],
    bands: [{ series: [3, 2], fill: colour('--band') }],
    hooks: { drawClear: [plot => mark(plot, spans, colour('--bad'))] },
  }
}
