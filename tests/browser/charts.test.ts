import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, openConsole } from './browser.js'
import { pixelsOf } from './pixels.js'

let opened: Console
const values = [11.25, 12.75, -3.5]
beforeAll(async () => {
  opened = await openConsole()
  const connection = await opened.hub.connect('sensor', await opened.hub.device('sensor', { name: 'Cellar, sensor' }))
  const start = Date.now() - 10 * 60_000
  const batch = values.map((temperature, i) => ({ ts: start + i * 60_000, values: { temperature } }))
  await connection.publishAsync('devices/sensor/telemetry', JSON.stringify(batch), { qos: 1 })
}, 60_000)
afterAll(() => opened.close())

/** Saves what a button gives. */
async function save(page: Page, name: string) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name, exact: true }).click(),
  ])
  return { name: download.suggestedFilename(), content: await readFile(await download.path()) }
}

test('the numbers of a chart are saved as CSV, and its drawing as PNG', async () => {
  const { page, complaints, context } = await opened.visit('/devices/sensor')
  await page.locator('.plot canvas').waitFor()
  const table = await save(page, 'Save as CSV')
  expect(table.name).toBe('sensor-temperature-10s.csv')
  const [head, ...rows] = table.content.toString().split('\r\n').slice(0, -1)
  expect(head).toBe('start,mean,min,max')
  const filled = rows.map(row => row.split(',')).filter(([, mean]) => mean !== '')
  expect(filled.map(([, ...numbers]) => numbers.map(Number))).toEqual(values.map(value => [value, value, value]))
  for (const [start = ''] of filled) expect(new Date(start).toISOString()).toBe(start)

  const picture = await save(page, 'Save as PNG')
  expect(picture.name).toBe('sensor-temperature-10s.png')
  const { width, height, data } = await pixelsOf(page, picture.content)
  expect(width).toBeGreaterThan(300)
  expect(height).toBeGreaterThan(280)
  const drawn = (from: number, to: number) =>
    new Set(new Uint32Array(data.buffer).slice(Math.floor(from * height) * width, Math.floor(to * height) * width)).size
  // Its title above, and the line below.
  expect(drawn(0, 0.1)).toBeGreaterThan(2)
  expect(drawn(0.2, 1)).toBeGreaterThan(2)
  expect(complaints).toEqual([])
  await context.close()
})
