import type { Home } from '../../client/routes.js'
import { everyPage } from './pages.ts'
import { session } from './session.ts'
import { byName } from './sorted.ts'

/** The homes that I may see, by their names. */
export const readHomes = async () =>
  byName(
    await everyPage(async query => {
      const { homes: rows, next_cursor } = await session.call('GET /homes', { query })
      return { rows, next_cursor }
    }),
  )

/** What is in homes: as what I belong to them, devices, open alerts, and of each its rooms and latest readings. */
export const readWhole = (homes: readonly Home[]) =>
  Promise.all([session.call('GET /assignments'), readDevices(), readAlerts(), Promise.all(homes.map(readHome))])

async function readHome({ id }: Home) {
  const params = { id }
  const [{ rooms }, latest] = await Promise.all([
    session.call('GET /homes/{id}/rooms', { params }),
    everyPage(async query => {
      const answer = await session.call('GET /homes/{id}/telemetry/latest', { params, query })
      return { rows: answer.devices, next_cursor: answer.next_cursor }
    }),
  ])
  return { rooms, latest }
}

const readDevices = () =>
  everyPage(async query => {
    const { devices: rows, next_cursor } = await session.call('GET /devices', { query })
    return { rows, next_cursor }
  })

const readAlerts = () =>
  everyPage(async page => {
    const query = { ...page, status: 'open,acknowledged,escalated' }
    const { alerts: rows, next_cursor } = await session.call('GET /alerts', { query })
    return { rows, next_cursor }
  })
