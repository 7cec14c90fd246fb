import { useState } from 'preact/hooks'
import type { Device, Key } from '../../client/routes.js'
import { now } from '../state/clock.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { Confirm } from './confirm.tsx'
import { CheckField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { KeyOnce } from './key-once.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

const isGood = ({ revoked_at, expires_at }: Key) =>
  revoked_at === null && (expires_at === null || expires_at > now.value)

/** With which keys a device connects: made here, and taken back. */
export function KeysPanel({ device: { id, name, presence }, zone }: { device: Device; zone: string }) {
  const read = async () => (await session.call('GET /devices/{id}/keys', { params: { id } })).keys.toReversed()
  // A device that comes has used one of them.
  const keys = useRead(id, read, presence)
  const good = keys.value instanceof Error ? [] : (keys.value ?? []).filter(isGood)
  return (
    <Panel id="keys" title="Keys">
      <Read value={keys.value} again={keys.again}>
        {rows =>
          rows.length === 0 ? (
            <Empty>This device has no key, and cannot connect.</Empty>
          ) : (
            <ul class="lines">
              {rows.map(key => (
                <KeyLine key={key.id} made={key} isLast={good.length === 1} zone={zone} changed={keys.again} />
              ))}
            </ul>
          )
        }
      </Read>
      <NewKey id={id} device_name={name} hasOthers={good.length > 0} changed={keys.again} />
    </Panel>
  )
}

interface KeyLineOptions {
  readonly made: Key
  /** Whether the device has no other. */
  readonly isLast: boolean
  readonly zone: string
  readonly changed: () => Promise<void>
}

const revoke = (id: string, key_id: string) =>
  session.call('DELETE /devices/{id}/keys/{key_id}', { params: { id, key_id } })

function KeyLine({ made, isLast, zone, changed }: KeyLineOptions) {
  const { id, device_id, name, created_at, last_used_at, revoked_at, expires_at } = made
  const end = revoked_at ?? expires_at
  return (
    <li class={isGood(made) ? 'thing' : 'thing gone'}>
      <span class="thing-about">
        <span class="line-name">{name}</span> <code>{id}</code>
        <br />
        <span class="muted">
          Made <Time at={created_at} zone={zone} />,{' '}
          {last_used_at === null ? (
            'never used'
          ) : (
            <>
              last used <Time at={last_used_at} zone={zone} />
            </>
          )}
          {end !== null && (
            <>
              , {revoked_at !== null ? 'revoked' : isGood(made) ? 'ends' : 'ended'} <Time at={end} zone={zone} />
            </>
          )}
        </span>
      </span>
      {isGood(made) && (
        <Confirm
          action="Revoke"
          about={`the key ${name}, ${id}`}
          title={`Revoke the key ${id}?`}
          run={async () => {
            await revoke(device_id, id)
            await changed()
          }}
        >
          Whatever is connected with it is cut off at once, and it is not good again.
          {isLast && ' It is the only key of this device.'}
        </Confirm>
      )}
    </li>
  )
}

async function revokeOthers({ id, device_id }: Key): Promise<void> {
  const { keys } = await session.call('GET /devices/{id}/keys', { params: { id: device_id } })
  for (const key of keys.filter(isGood)) if (key.id !== id) await revoke(device_id, key.id)
}

interface NewKeyOptions {
  readonly id: string
  readonly device_name: string
  /** Whether there are keys that a new one may take the place of. */
  readonly hasOthers: boolean
  readonly changed: () => Promise<void>
}

/** A further key, or one in the place of all others. */
function NewKey({ id, device_name, hasOthers, changed }: NewKeyOptions) {
  const [fresh, setFresh] = useState<string | null>(null)
  const make = async (given: FormData) => {
    const name = typed(given, 'name')
    const made = await session.call('POST /devices/{id}/keys', { params: { id }, body: name ? { name } : {} })
    setFresh(made.api_key)
    try {
      if (given.has('rotates')) await revokeOthers(made.key)
    } finally {
      await changed()
    }
  }
  return (
    <>
      <Form action="Make a new key" send={make}>
        <TextField label="Name of a new key" name="name" placeholder="key" />
        {hasOthers && (
          <CheckField
            name="rotates"
            label="Revoke the other keys at once: the device is cut off until it has the new one"
          />
        )}
      </Form>
      <KeyOnce name={device_name} api_key={fresh} />
    </>
  )
}
