import { useAction } from '../state/action.ts'
import { homeOf } from '../state/homes.ts'
import { sortedDevices } from '../state/names.ts'
import { session } from '../state/session.ts'
import { CheckField } from './fields.tsx'
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
  const { busy, fault, run } = useAction()
  const held = new Set(device_ids)
  const all = sortedDevices().filter(device => isMine || held.has(device.id))
  const put = (device_id: string, isIn: boolean) =>
    run(async () => {
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
              <CheckField
                label={
                  <span>
                    {device.name} <span class="muted">{homeOf(device.home_id)?.name}</span>
                  </span>
                }
                value={held.has(device.id)}
                busy={busy}
                change={isIn => void put(device.id, isIn)}
              />
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
