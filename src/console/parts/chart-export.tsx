import type { RefObject } from 'preact'
import { useAction } from '../state/action.ts'
import type { Series } from '../state/series.ts'
import { Problem } from './problem.tsx'

interface ExportOptions {
  readonly series: Series
  /** What is drawn, in words, with its unit. */
  readonly title: string
  /** The name of the files, without what they end with. */
  readonly file: string
  /** What holds the drawing. */
  readonly place: RefObject<HTMLElement | null>
}

/** The chart as a picture, and its numbers as a table. */
export function ChartExport({ series, title, file, place }: ExportOptions) {
  const { fault, run } = useAction()
  const savePicture = async () => {
    const canvas = place.current?.querySelector('canvas')
    if (canvas) save(await pictureOf(canvas, title), `${file}.png`)
  }
  const saveTable = async () => save(new Blob([csvOf(series)], { type: 'text/csv' }), `${file}.csv`)
  return (
    <div class="row export">
      <button type="button" onClick={() => void run(savePicture)}>
        Save as PNG
      </button>
      <button type="button" onClick={() => void run(saveTable)}>
        Save as CSV
      </button>
      <Problem fault={fault} />
    </div>
  )
}

/** A row for each window: when it began (UTC), and the mean, the least and the most of its readings; nothing where it has none. */
function csvOf({ at, mean, min, max }: Series): string {
  const rows = at.map((seconds, i) => [new Date(seconds * 1000).toISOString(), mean[i], min[i], max[i]])
  return [['start', 'mean', 'min', 'max'], ...rows].map(row => `${row.map(cell => cell ?? '').join(',')}\r\n`).join('')
}

/** The drawing on the colour of its page, below its title. @throws Error when the browser makes no picture */
function pictureOf(drawn: HTMLCanvasElement, title: string): Promise<Blob> {
  const style = getComputedStyle(drawn)
  const scale = devicePixelRatio
  const head = 36 * scale
  const whole = document.createElement('canvas')
  whole.width = drawn.width
  whole.height = drawn.height + head
  const pen = whole.getContext('2d')
  if (!pen) throw new Error('The browser draws no pictures.')
  pen.fillStyle = style.getPropertyValue('--surface').trim()
  pen.fillRect(0, 0, whole.width, whole.height)
  pen.fillStyle = style.getPropertyValue('--text').trim()
  pen.font = `600 ${16 * scale}px ${style.fontFamily}`
  pen.fillText(title, 12 * scale, 24 * scale, whole.width - 24 * scale)
  pen.drawImage(drawn, 0, head)
  return new Promise((resolve, reject) =>
    whole.toBlob(blob => (blob ? resolve(blob) : reject(new Error('The browser made no picture.'))), 'image/png'),
  )
}

function save(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
