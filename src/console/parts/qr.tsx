import { encode } from 'uqr'

/** Modules around it that stay light, as readers expect. */
const border = 4

/** A text as a QR code, dark on light in either scheme; drawn without styles of its own, which the policy forbids. */
export default function Qr({ text, label }: { text: string; label: string }) {
  const { data } = encode(text, { ecc: 'M', border })
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : [])))
  return (
    <svg class="qr" role="img" aria-label={label} viewBox={`0 0 ${data.length} ${data.length}`}>
      <path d={dark.join('')} />
    </svg>
  )
}
