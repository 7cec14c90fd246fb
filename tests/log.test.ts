import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createLog } from '../src/log.js'
import { until } from './helper.js'

test('a file gets one JSON line for each event, with secrets masked and what is below the level left out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-log-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const log = createLog({ level: 'info', file: join(folder, 'logs', 'hearth.log') })
  log.debug('not this')
  log.info(
    { password: 'p4ssword', device: { api_key: 'hk_secret' }, req: { headers: { authorization: 'Bearer x' } } },
    'two\nlines',
  )
  const text = await until(async () => {
    const names = await readdir(join(folder, 'logs')).catch(() => [])
    const [name] = names.filter(one => one.startsWith('hearth'))
    const text = name ? await readFile(join(folder, 'logs', name), 'utf8') : ''
    return text.endsWith('\n') ? text : null
  })
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 30,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    msg: 'two\nlines',
    password: '[redacted]',
    device: { api_key: '[redacted]' },
    req: { headers: { authorization: '[redacted]' } },
  })
})
