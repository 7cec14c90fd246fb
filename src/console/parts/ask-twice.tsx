import { useEffect, useRef, useState } from 'preact/hooks'

interface AskTwiceOptions {
  /** What the button says. */
  readonly name: string
  /** What becomes of it. */
  readonly question: string
  readonly busy: boolean
  readonly act: () => void
}

/** Asks once more before something is destroyed. */
export function AskTwice(options: AskTwiceOptions) {
  const [isAsking, ask] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const close = () => {
    ask(false)
    setTimeout(() => button.current?.focus(), 0)
  }
  if (isAsking) return <Asking {...options} close={close} />
  return (
    <button ref={button} type="button" class="risky" disabled={options.busy} onClick={() => ask(true)}>
      {options.name}
    </button>
  )
}

function Asking({ name, question, act, close }: AskTwiceOptions & { close: () => void }) {
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => first.current?.focus(), [])
  const go = () => {
    act()
    close()
  }
  return (
    <fieldset class="twice row" onKeyDown={({ key }) => key === 'Escape' && close()}>
      <legend>{question}</legend>
      <button ref={first} type="button" onClick={close}>
        Leave it
      </button>
      <button type="button" class="risky" onClick={go}>
        {name}
      </button>
    </fieldset>
  )
}
