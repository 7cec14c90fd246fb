import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'
import { start } from '../programs.js'

const script = join(import.meta.dirname, '../../../tests/clients/device.py')
const count = 200

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

test.each(['tcp', 'websockets'] as const)(
  'Paho for Python over %s: all it was told is stored, in order, and its command succeeds',
  async transport => {
    const id = `paho-${transport}`
    const key = await hub.device(id)
    const port = transport === 'tcp' ? hub.hub.ports.mqtt : hub.hub.ports.http
    const client = start('/usr/bin/python3', [script, '127.0.0.1', String(port), transport, id, key, String(count)])
    await Promise.race([until(() => client.out().includes('ready'), 25_000), failed(client.ended)])

    const path = `/devices/${id}/commands?wait=20`
    const { command } = await hub.client.post<{ command: object }>(path, { name: 'blink', params: { times: 3 } })
    expect(command).toMatchObject({ status: 'succeeded', result: { seen: { times: 3 } } })

    const ended = await client.ended
    const told: unknown = JSON.parse(ended.out.split('\n').at(-2) ?? '')
    const expected = {
      granted: true,
      acknowledged: count + 1,
      answered: true,
      command: 'blink',
      errors: ['invalid_payload'],
    }
    expect(told).toEqual(expected)

    const range = 'start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z&order=asc&limit=1000'
    const { telemetry } = await hub.client.get<{ telemetry: { data: { n: number } }[] }>(`/telemetry/${id}?${range}`)
    expect(telemetry.map(({ data }) => data.n)).toEqual(Array.from({ length: count }, (_, i) => i))
  },
)

/** Ends with what the program said when it ends before it should. */
async function failed(ended: Promise<{ code: number | null; err: string }>): Promise<never> {
  const { code, err } = await ended
  throw new Error(`the client ended with ${code}: ${err}`)
}
