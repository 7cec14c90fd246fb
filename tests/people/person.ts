import { HearthClient } from '../../src/client/client.js'
import { newId } from '../../src/ids.js'
import type { TestHub } from '../helper.js'

export interface Person {
  readonly id: string
  readonly username: string
  readonly password: string
  readonly access_token: string
  readonly refresh_token: string
  /** Speaks to the API as this person. */
  readonly client: HearthClient
}

/** Makes somebody and logs them in. */
export async function newPerson(hub: TestHub, role: 'admin' | 'staff' | 'user' = 'user'): Promise<Person> {
  const username = `p${newId()}`
  const wanted = { username, email: `${username}@example.org`, role }
  const { user, password } = await hub.client.post<{ user: { id: string }; password: string }>('/users', wanted)
  const login = { username, password }
  const tokens = await new HearthClient({ url: hub.http_url }).post<Pick<Person, 'access_token' | 'refresh_token'>>(
    '/auth/login',
    login,
  )
  const client = new HearthClient({ url: hub.http_url, access_token: tokens.access_token })
  return { id: user.id, ...login, ...tokens, client }
}
