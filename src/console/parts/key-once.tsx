import { later } from './later.ts'
import { ToldOnce } from './told-once.tsx'

const Qr = later(() => import('./qr.tsx'))

/** A key that was just made for a device, as text, and as a QR code that a telephone shows as that text; null while there is none. */
export function KeyOnce({ name, api_key }: { name: string; api_key: string | null }) {
  return (
    <ToldOnce label={`Key of ${name}`} secret={api_key}>
      {api_key !== null && <Qr text={api_key} label={`QR code of the key of ${name}`} />}
    </ToldOnce>
  )
}
