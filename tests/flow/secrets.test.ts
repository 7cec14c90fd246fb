import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { admin, startHub } from '../helper.js'
import { newPerson } from '../people/person.js'

test('no password, token or key is in the log, in an error, in the metrics or in the database', async () => {
  const hub = await startHub({ HEARTH_LOG_LEVEL: 'trace' })
  const key = await hub.device('a')
  const other = await hub.device('b')
  const device = await hub.connect('a', key)
  await device.publishAsync('devices/a/telemetry', '{"broken', { qos: 1 })
  const answers: string[] = []
  const refused = async (clientId: string, password: string) =>
    mqtt
      .connectAsync(hub.mqtt_url, { clientId, username: clientId, password, reconnectPeriod: 0 })
      .catch(error => answers.push(String(error)))
  await refused('a', other)
  await refused('a', `${key}x`)
  await refused('user-x', `${hub.access_token}x`)
  const login = new HearthClient({ url: hub.http_url }).post('/auth/login', {
    email: admin.email,
    password: `${admin.password}!`,
  })
  await login.catch(error => answers.push(JSON.stringify(error)))
  for (const path of ['/api/v1/devices', '/api/v1/telemetry/a/latest?start_time=x', '/nowhere']) {
    for (const headers of [{ authorization: `Bearer ${hub.access_token}x` }, { 'x-api-key': `${key}x` }]) {
      answers.push(await (await fetch(hub.http_url + path, { headers })).text())
    }
  }
  const person = await newPerson(hub)
  await person.client.patch('/users/me', { current_password: person.password, password: 'a fresh canary word' })
  const { secret } = await hub.client.post<{ secret: string }>('/tokens', { name: 'x', api: 'read', subscribe: ['#'] })
  const { code } = await hub.client.post<{ code: string }>('/homes/home/claim-codes')
  const claimed = await hub.client.post<{ api_key: string }>('/devices/register', { code })
  for (const credential of [secret, code, person.refresh_token]) await refused('user-y', `${credential}x`)
  answers.push(await (await fetch(`${hub.http_url}/metrics`)).text())
  answers.push(JSON.stringify([await hub.client.get('/ops/audit?limit=1000'), await hub.client.get('/tokens')]))
  await device.endAsync()
  await hub.hub.close()

  const halves = [key, other, secret, claimed.api_key].map(one => one.slice(16))
  const words = [admin.password, person.password, 'a fresh canary word', code, code.replaceAll('-', '')]
  const secrets = [...halves, ...words, hub.access_token, person.access_token, person.refresh_token]
  const files = (await readdir(hub.data_dir)).filter(name => name.startsWith('hearth.db'))
  const stored = await Promise.all(files.map(name => readFile(join(hub.data_dir, name), 'latin1')))
  const places = { log: hub.logged.join('\n'), answers: answers.join('\n'), database: stored.join('') }
  await hub.close()
  for (const [place, text] of Object.entries(places)) {
    expect(text.length).toBeGreaterThan(0)
    for (const secret of secrets) expect(`${place}: ${text.includes(secret)}`).toBe(`${place}: false`)
  }
  for (const line of hub.logged) expect(() => JSON.parse(line)).not.toThrow()
})
