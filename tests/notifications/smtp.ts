import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'
import type { Received } from './receiver.js'

export interface Mail extends Received {
  readonly from: string
  readonly to: string[]
}

export const word = 'a canary password'

/** An SMTP server that wants a password, until the test ends; with what a hub has to be set to. @param delayMs how long it takes to say that it has a mail */
export async function startSmtp(options: SMTPServerOptions = {}, delayMs = () => 0) {
  const received: Mail[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      password === word ? done(null, { user: username }) : done(new Error('no')),
    onData: (stream, { envelope }, done) => {
      let body = ''
      stream.setEncoding('utf8').on('data', text => {
        body += text
      })
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const to = envelope.rcptTo.map(({ address }) => address)
        received.push({ method: '', path: '', headers: {}, body, from, to })
        setTimeout(done, delayMs())
      })
    },
    ...options,
  })
  // A hub that is killed leaves its connections as they are.
  server.on('error', () => undefined)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>(resolve => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  const HEARTH_SMTP_URL = `smtp://hub:${encodeURIComponent(word)}@127.0.0.1:${port}`
  return { received, env: { HEARTH_SMTP_URL, HEARTH_SMTP_FROM: 'Hearth <hub@example.org>' } }
}
