import { Copy } from './copy.tsx'

/** A secret that the hub tells once. */
export function Secret({ text, what }: { text: string; what: string }) {
  return (
    <div class="secret">
      <code>{text}</code>
      <Copy text={text} what={what} />
      <p class="muted">It is shown this once: the hub keeps no copy that it could show again.</p>
    </div>
  )
}
