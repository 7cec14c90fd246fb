import { useEffect, useRef, useState } from 'preact/hooks'
import { useRead } from '../state/read.ts'
import { type Peaks, peaksOf, soundAt } from '../state/sound.ts'
import { Read } from './panel.tsx'
import { Problem } from './problem.tsx'

/** The sound of a recording: drawn, to be played and to be saved. Of one that is kept elsewhere there is but the address. */
export function Sound({ id, url }: { id: string; url: string }) {
  const here = soundAt(url)
  return (
    <div class="sound">
      {here !== null && <Waveform url={here} />}
      <div class="row">
        {here !== null && <Player url={here} />}
        <a class="link-button" href={here ?? url} download={id}>
          Save it
        </a>
      </div>
    </div>
  )
}

function Waveform({ url }: { url: string }) {
  const { value, again } = useRead(url, () => peaksOf(url))
  return (
    <Read value={value} again={again}>
      {peaks => <Drawn peaks={peaks} />}
    </Read>
  )
}

const height = 96

function Drawn({ peaks }: { peaks: Peaks }) {
  const place = useRef<HTMLCanvasElement>(null)
  const loudest = peaks.reduce((most, [low, high]) => Math.max(most, -low, high), 0)
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => {
      if (place.current) draw(place.current, peaks, loudest)
    }
    redraw()
    scheme.addEventListener('change', redraw)
    return () => scheme.removeEventListener('change', redraw)
  }, [peaks])
  const db = loudest > 0 ? `${Math.round(20 * Math.log10(loudest))} dB` : 'silence'
  return (
    <canvas
      ref={place}
      class="waveform"
      width={2 * peaks.length}
      height={2 * height}
      role="img"
      aria-label={`Waveform, at its loudest ${db} of full scale`}
    />
  )
}

/** As high as there is room, however quiet it is. */
function draw(canvas: HTMLCanvasElement, peaks: Peaks, loudest: number): void {
  const context = canvas.getContext('2d')
  if (!context) return
  context.clearRect(0, 0, canvas.width, canvas.height)
  context.fillStyle = getComputedStyle(canvas).getPropertyValue('--accent').trim()
  const scale = loudest > 0 ? 1 / loudest : 1
  peaks.forEach(([low, high], index) => {
    const top = height * (1 - high * scale)
    context.fillRect(2 * index, top, 2, Math.max(1, height * (high - low) * scale))
  })
}

function Player({ url }: { url: string }) {
  const audio = useRef<HTMLAudioElement | null>(null)
  const [isPlaying, setPlaying] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  useEffect(() => () => audio.current?.pause(), [])
  const toggle = async () => {
    audio.current ??= audioAt(url, setPlaying)
    if (isPlaying) return audio.current.pause()
    try {
      await audio.current.play()
      setFault(null)
    } catch (error) {
      setFault(error)
    }
  }
  return (
    <>
      <button type="button" onClick={() => void toggle()}>
        {isPlaying ? 'Pause' : 'Play'}
      </button>
      <Problem fault={fault} />
    </>
  )
}

function audioAt(url: string, changed: (isPlaying: boolean) => void): HTMLAudioElement {
  const audio = new Audio(url)
  audio.addEventListener('play', () => changed(true))
  for (const end of ['pause', 'ended']) audio.addEventListener(end, () => changed(false))
  return audio
}
