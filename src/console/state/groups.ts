import type { Group } from '../../client/routes.js'
import { everyPage } from './pages.ts'
import { session } from './session.ts'

/** Every group that I may see. @throws HubError, as the hub gives it */
export const readGroups = (): Promise<Group[]> =>
  everyPage(async query => {
    const { groups: rows, next_cursor } = await session.call('GET /groups', { query })
    return { rows, next_cursor }
  })
