import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../programs.js'

export interface Certificate {
  /** Paths of the PEM files. */
  readonly cert: string
  readonly key: string
  remove(): Promise<void>
}

/** A certificate for localhost, made on the spot by openssl. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const { code, err } = await run('openssl', [
    'req',
    '-x509',
    '-days',
    '1',
    ...curve,
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  ])
  if (code !== 0) throw new Error(`openssl made no certificate: ${err}`)
  return { cert, key, remove: () => rm(folder, { recursive: true, force: true }) }
}
