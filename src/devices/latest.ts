import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { Reach } from '../rights.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import { latestOf } from '../telemetry/readings.js'
import { isWithin } from './reach.js'

interface LatestOfDevice {
  readonly device_id: string
  readonly latest: ReturnType<typeof latestOf>
}

/** The newest value of each field of the devices of a home, by their ids; nothing of those that have said nothing. */
export async function latestInHome(
  db: Db,
  home_id: string,
  { reach, limit, cursor }: PageRequest & { readonly reach: Reach },
): Promise<Page<LatestOfDevice>> {
  const query = db
    .selectFrom('devices')
    .leftJoin('latest', 'latest.device_num', 'devices.num')
    .select(['devices.id', 'latest.latest'])
    .where('devices.home_id', '=', home_id)
    .where(isWithin(reach))
    .where('devices.id', '>', cursor ? decodeCursor(cursor, 'string') : '')
    .orderBy('devices.id')
  const page = await readPage(query, { limit, keyOf: ({ id }) => id, large: ['latest.latest'] })
  return { ...page, rows: page.rows.map(({ id, latest }) => ({ device_id: id, latest: latestOf(latest) })) }
}
