import { Agent, request } from 'node:http'
import { HearthClient } from '../../src/client/client.js'
import { admin } from '../helper.js'
import type { HubTarget } from './processes.js'

interface Answer {
  readonly status: number
  readonly text: string
}

/** The administrator with connections that stay open, as a dashboard has them. */
export interface Asker {
  readonly url: string
  readonly access_token: string
  /** A GET, or with a body a POST. Settles when the whole answer is there, whatever its status. */
  ask(path: string, body?: string): Promise<Answer>
  close(): void
}

export async function openAsker({ http_port }: HubTarget): Promise<Asker> {
  const url = `http://127.0.0.1:${http_port}`
  const { email, password } = admin
  const { access_token } = await new HearthClient({ url }).post<{ access_token: string }>('/auth/login', {
    email,
    password,
  })
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' }
  const ask = (path: string, body?: string) =>
    new Promise<Answer>((resolve, reject) => {
      const asked = request(
        `${url}${path}`,
        { method: body === undefined ? 'GET' : 'POST', agent, headers },
        answer => {
          let text = ''
          answer.setEncoding('utf8').on('data', part => {
            text += part
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
          answer.on('error', reject)
        },
      )
      asked.on('error', reject).end(body)
    })
  return { url, access_token, ask, close: () => agent.destroy() }
}
