import type { User } from '../../client/routes.js'
import { everyPage } from './pages.ts'
import { session } from './session.ts'

/** Everybody with an account, for administrators. @throws HubError, as the hub gives it */
export const readUsers = (): Promise<User[]> =>
  everyPage(async query => {
    const { users: rows, next_cursor } = await session.call('GET /users', { query })
    return { rows, next_cursor }
  })
