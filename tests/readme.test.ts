import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { schema } from '../config/config.js'
import { statuses } from '../src/errors.js'
import { type PresenceReason, presenceReasons } from '../src/inbound.js'
import * as messages from '../src/messages.js'
import {
  alertTopic,
  deviceTopic,
  homeAlertsTopic,
  homeCommandsTopic,
  inbound,
  outbound,
  ownHomesTopic,
} from '../src/topics.js'
import { startApi } from './api/harness.js'

const root = join(import.meta.dirname, '../..')
const path = join(root, 'README.md')
const readme = readFileSync(path, 'utf8')

const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n')
const code = (text: string) => `\`${text}\``

const means: Readonly<Record<keyof typeof statuses, string>> = {
  invalid_request: 'a parameter, header or body is not as described; `details` has a line for each fault',
  invalid_payload: 'a device’s message cannot be understood; over MQTT it is quarantined instead',
  unauthorized: 'no credential, or one that is wrong or has ended',
  forbidden: 'a credential that is right and not enough; an inactive device',
  not_found: 'there is no such thing, or none that you may know of',
  method_not_allowed: 'the path exists, the method does not',
  conflict: 'it is not in a state that allows this, or the id is taken',
  precondition_failed: 'it has changed since you read it',
  payload_too_large: 'the body is larger than 1 MiB, or a device’s than 256 KiB; a file to import has no limit',
  unsupported_media_type: 'the body is not `application/json`, or a file to import neither CSV nor NDJSON',
  rate_limit_exceeded: '`Retry-After` says in how many seconds to come again',
  internal: 'our fault: the log has it whole, the answer has nothing of it',
  storage_unavailable: 'nothing was stored; send it again',
  query_timeout: 'the query took longer than `HEARTH_QUERY_SECONDS`: take a shorter range',
  shutting_down: 'the hub is closing',
}

const because: Readonly<Record<PresenceReason, string>> = {
  clean: 'it said goodbye',
  keepalive: 'it fell silent',
  network: 'its connection broke',
  takeover: 'it connected anew, and is about to be online',
  moved: 'it moved to another home, and is about to come back',
  revoked: 'its key was revoked, or it was made inactive',
  expired: 'its key ended',
  protocol: 'it said what is no MQTT',
  too_large: 'it sent a packet that is too large',
  forbidden: 'it published on a topic that is not its own',
  slow: 'it did not read what it was sent',
  storage: 'the hub could not store what it said, and had it keep that',
  shutdown: 'the hub was stopped',
  hub_restart: 'the hub died; `since` is the last that is known of the hub',
  overdue: 'it did not come back from its sleep',
}

/** Schema and direction of each topic, by the names in topics.ts. */
const described: Readonly<
  Record<(typeof inbound)[number] | (typeof outbound)[number], { description?: string | undefined }>
> = {
  ...messages,
  'commands/result': messages.commandResult,
  commands: messages.command,
  'commands/cancel': messages.commandCancel,
  time: messages.hubTime,
  errors: messages.refusal,
}

function topics(): string {
  const line = (direction: string) => (kind: (typeof inbound)[number] | (typeof outbound)[number]) => {
    const name = deviceTopic('{id}', kind === 'alert' ? 'alert/{key}' : kind)
    return [code(name), direction, described[kind].description ?? '']
  }
  const rows = [
    ...inbound.map(line('from the device')),
    ...outbound.map(line('to the device')),
    [code(homeCommandsTopic('{home_id}')), 'to people', 'Every change of a command’s status in a home'],
    [code(homeAlertsTopic('{home_id}')), 'to people', 'Every change of an alert in a home'],
    [code(alertTopic('{home_id}', '{alert_id}')), 'to people', 'An alert as it is, retained until it is closed'],
    [
      code(ownHomesTopic('{user_id}')),
      'to that person',
      'The homes they belong to, and as what, whenever that has changed',
    ],
  ]
  return table(['topic', 'direction', 'what'], rows)
}

function settings(): string {
  const rows = Object.entries(schema.shape).map(([name, type]) => {
    const standard = type.safeParse(undefined)
    return [code(name), standard.data === undefined ? '' : code(String(standard.data)), type.description ?? '']
  })
  return table(['setting', 'default', 'meaning'], rows)
}

const errors = () =>
  table(
    ['code', 'status', 'meaning'],
    Object.entries(statuses).map(([name, status]) => [
      code(name),
      String(status),
      means[name as keyof typeof statuses],
    ]),
  )

const reasons = () =>
  table(
    ['reason', 'the device is not online because'],
    presenceReasons.map(reason => [code(reason), because[reason]]),
  )

async function routes(): Promise<string> {
  const hub = await startApi()
  const document = (await hub.call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, { summary?: string }>>
  }
  await hub.close()
  const shown = hub.api.declared.filter(({ method, url }) => method !== 'HEAD' && !/^\/($|assets|docs)/.test(url))
  const rows = shown.map(({ method, url, who }) => {
    const name = url.replaceAll(/:(\w+)/g, '{$1}')
    return [
      code(`${method} ${name.replace('/api/v1', '')}`),
      who,
      document.paths[name]?.[method.toLowerCase()]?.summary ?? 'A document',
    ]
  })
  const inside = (cells: string[]) => Number(/ \/(metrics|health|ready|openapi|asyncapi)/.test(cells[0] ?? ''))
  return table(
    ['route', 'who', 'what'],
    rows.toSorted((a, b) => inside(a) - inside(b)),
  )
}

const put = (text: string, name: string, content: string) =>
  text.replace(
    new RegExp(`<!-- ${name} -->[^\\0]*?<!-- /${name} -->`),
    () => `<!-- ${name} -->\n${content}\n<!-- /${name} -->`,
  )

test('the tables of the README are those of the code', async () => {
  const parts = {
    topics: topics(),
    reasons: reasons(),
    routes: await routes(),
    errors: errors(),
    settings: settings(),
  }
  for (const name of Object.keys(parts)) expect(readme).toContain(`<!-- ${name} -->`)
  const written = Object.entries(parts).reduce((text, [name, content]) => put(text, name, content), readme)
  await expect(written).toMatchFileSnapshot(path)
})

test('"Finding your way" shows every folder there is, and none besides', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root }).toString().split('\n')
  const present = files.filter(file => file.includes('/') && !file.startsWith('.') && existsSync(join(root, file)))
  const all = present.flatMap(file =>
    file
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join('/')),
  )
  // Folders of tests/ that mirror one of the program go without saying.
  const mirrored = new Set(all.filter(folder => !folder.startsWith('tests/')).map(folder => folder.split('/').at(-1)))
  const folders = new Set(all.filter(folder => !(folder.startsWith('tests/') && mirrored.has(folder.slice(6)))))
  const tree = /<!-- tree -->\n```\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const parents: string[] = []
  const shown = tree
    .trim()
    .split('\n')
    .map(line => {
      const [, indent = '', name = ''] = /^( *)([\w-]+)\//.exec(line) ?? []
      parents.splice(indent.length / 2, parents.length, name)
      return parents.join('/')
    })
  expect(shown).toEqual([...folders].sort())
})

test('every file that the README names exists', () => {
  const named = [...readme.matchAll(/`((?:src|broker|tests|config|simulators|migrations)\/[\w./-]*\w)`/g)].map(
    match => match[1] ?? '',
  )
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter(file => !existsSync(join(root, file)))).toEqual([])
})
