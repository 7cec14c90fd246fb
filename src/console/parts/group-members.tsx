import { useAsking } from '../state/asking.ts'
import { devices, homeOf } from '../state/homes.ts'
import { session } from '../state/session.ts'
import { Problem } from './problem.tsx'
import { Empty } from './states.tsx'

interface GroupMembersOptions {
  readonly id: string
  readonly device_ids: readonly string[]
  /** Whether this person may change the group. */
  readonly isMine: boolean
  readonly changed: () => Promise<void>
}

/** Which devices a group holds; who made it ticks them. */
export function GroupMembers({ id, device_ids, isMine, changed }: GroupMembersOptions) {
  const { busy, fault, ask } = useAsking()
  const held = new Set(device_ids)
  const all = [...devices.value.values()]
    .map(({ device }) => device.value)
    .filter(device => isMine || held.has(device.id))
    .sort((a, b) => a.name.localeCompare(b.name))
  const put = (device_id: string, isIn: boolean) =>
    ask(async () => {
      const params = { id, device_id }
      if (isIn) await session.call('POST /groups/{id}/devices/{device_id}', { params })
      else await session.call('DELETE /groups/{id}/devices/{device_id}', { params })
      await changed()
    })
  if (all.length === 0) return <Empty>{isMine ? 'There is no device yet.' : 'This group holds no device.'}</Empty>
  return (
    <>
      <ul class="members">
        {all.map(device => (
          <li key={device.id}>
            {isMine ? (
              <label class="tick">
                <input
                  type="checkbox"
                  checked={held.has(device.id)}
                  aria-disabled={busy}
                  onChange={event => void put(device.id, event.currentTarget.checked)}
                />
                <span>
                  {device.name} <span class="muted">{homeOf(device.home_id)?.name}</span>
                </span>
              </label>
            ) : (
              <a href={`/devices/${device.id}`}>{device.name}</a>
            )}
          </li>
        ))}
      </ul>
      <Problem fault={fault} />
    </>
  )
}
