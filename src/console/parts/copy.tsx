import { useState } from 'preact/hooks'

/** Puts a text where it can be pasted from. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [told, setTold] = useState('')
  const copy = () =>
    write(text).then(
      () => setTold('Copied'),
      () => setTold('The browser does not let a page copy: select it and copy it yourself.'),
    )
  return (
    <span class="copy">
      <button type="button" onClick={() => void copy()}>
        Copy<span class="unseen"> {what}</span>
      </button>
      <span role="status" class="muted">
        {told}
      </span>
    </span>
  )
}

/** Pages that came over plain HTTP from another machine have no clipboard, and copy as one did before there was one. */
async function write(text: string): Promise<void> {
  const { clipboard }: { clipboard?: Clipboard } = navigator
  if (clipboard) return clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (!done) throw new Error('nothing was copied')
}
