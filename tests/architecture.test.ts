import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', '*.ts', '*.tsx'], { cwd: root })
  .toString()
  .split('\n')
  .filter(file => file !== '')
const source = new Map(files.map(file => [file, readFileSync(join(root, file), 'utf8')]))
const program = files.filter(file => !file.startsWith('tests/'))

interface Import {
  readonly file: string
  /** A file of ours as it lies in the tree, or the name of a package. */
  readonly target: string
}

const imports: Import[] = [...source].flatMap(([file, text]) =>
  [...text.matchAll(/(?:^|\n)(?:import|export) [^'"]*?from '([^']+)'|import\('([^']+)'\)|\nimport '([^']+)'/g)].map(
    match => {
      const name = match[1] ?? match[2] ?? match[3] ?? ''
      const target = name.startsWith('.')
        ? relative(root, join(root, dirname(file), name)).replace(/\.js$/, '.ts')
        : name
      return { file, target }
    },
  ),
)

/** A file's floor, highest first, and where a folder is a room of its own. Whatever lies beneath may be imported. */
type Place = { readonly floor: number; readonly room: string }
const doors = /^(?:(broker)|src\/(bridge|api|jobs))\//
const rooms =
  /^src\/(alerts|audio|audit|commands|devices|groups|homes|idempotency|notifications|objects|operations|people|quarantine|queue|rules|telemetry)\//

function placeOf(file: string): Place {
  if (/^src\/cli(\/|\.ts$)/.test(file)) return { floor: 6, room: 'cli' }
  if (/^src\/(hub(-api|-audio|-mqtt)?|data)\.ts$/.test(file)) return { floor: 5, room: 'hub' }
  const door = doors.exec(file)
  if (door) return { floor: 4, room: door[1] ?? door[2] ?? '' }
  const room = rooms.exec(file)
  if (room) return { floor: 3, room: room[1] ?? '' }
  if (file.startsWith('src/store/') || file.startsWith('migrations/')) return { floor: 2, room: 'store' }
  if (file.startsWith('src/console/')) return { floor: 3, room: 'console' }
  if (file.startsWith('src/client/')) return { floor: 2, room: 'client' }
  if (file.startsWith('simulators/')) return { floor: 2, room: 'simulators' }
  if (/^(?:config\/[^/]+|src\/[^/]+)\.ts$/.test(file)) return { floor: 1, room: 'ground' }
  throw new Error(`${file} has no place in the house: see "Finding your way" in the README`)
}

const within = imports.filter(({ file, target }) => program.includes(file) && program.includes(target))

test('imports point one way, like floors, and a door or the outside never imports its neighbour', () => {
  const wrong = within.filter(({ file, target }) => {
    const [from, to] = [placeOf(file), placeOf(target)]
    if (from.room === to.room) return false
    // Rooms may use rooms beneath them; that they never do so in a circle is the next test's.
    if (from.floor === 3 && to.floor === 3) return false
    return to.floor >= from.floor
  })
  expect(wrong).toEqual([])
})

test('clients and simulators know only the ground', () => {
  const wrong = within.filter(
    ({ file, target }) =>
      ['client', 'simulators'].includes(placeOf(file).room) &&
      placeOf(target).room !== 'ground' &&
      placeOf(target).room !== placeOf(file).room,
  )
  expect(wrong).toEqual([])
})

test('the console knows only the client and the ground', () => {
  const wrong = within.filter(
    ({ file, target }) =>
      placeOf(file).room === 'console' && !['console', 'client', 'ground'].includes(placeOf(target).room),
  )
  expect(wrong).toEqual([])
})

test('no imports go in a circle, neither between rooms nor between files', () => {
  expect(circles(within.map(({ file, target }) => [placeOf(file).room, placeOf(target).room]))).toEqual([])
  const runtime = within.filter(({ file, target }) => !isTypeOnly(file, target))
  expect(circles(runtime.map(({ file, target }) => [file, target]))).toEqual([])
})

function isTypeOnly(file: string, target: string): boolean {
  const name = relative(dirname(file), target).replace(/\.ts$/, '.js')
  const from = name.startsWith('.') ? name : `./${name}`
  const lines = [...(source.get(file) ?? '').matchAll(/(?:^|\n)(?:import|export) ([^'"]*?)from '([^']+)'/g)]
  return lines.filter(line => line[2] === from).every(line => line[1]?.startsWith('type '))
}

/** The nodes that can be reached from themselves over other nodes. */
function circles(edges: readonly (readonly [string, string])[]): string[] {
  const next = new Map<string, Set<string>>()
  for (const [from, to] of edges) if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to))
  return [...next.keys()].filter(start => {
    const seen = new Set<string>()
    const open = [...(next.get(start) ?? [])]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node === start) return true
      if (seen.has(node)) continue
      seen.add(node)
      open.push(...(next.get(node) ?? []))
    }
    return false
  })
}

/** Each technology and where it lives. The client's side of MQTT is what a device or a person has; simulators write packets by hand. */
const homes: Readonly<Record<string, RegExp>> = {
  aedes: /^broker\//,
  'aedes-persistence': /^broker\//,
  'websocket-stream': /^broker\//,
  ws: /^broker\//,
  'better-sqlite3': /^src\/store\//,
  'better-sqlite3-napi': /^src\/store\//,
  pg: /^src\/store\//,
  '@fastify/static': /^src\/api\//,
  preact: /^src\/console\//,
  '@preact/signals': /^src\/console\//,
  'preact-iso': /^src\/console\//,
  uplot: /^src\/console\/parts\/plot\.tsx$/,
  fastify: /^src\/(api\/|hub\.ts)/,
  'prom-client': /^src\/api\//,
  jose: /^src\/people\//,
  '@node-rs/argon2': /^src\/people\//,
  'node-cron': /^src\/jobs\//,
  commander: /^src\/cli/,
  uqr: /^src\/(api\/|cli|console\/parts\/qr\.tsx$)/,
  'mqtt-packet': /^(broker|simulators)\//,
  mqtt: /^(simulators\/|src\/cli\/|src\/client\/)/,
}

/** `jose/jwt/sign` is of `jose`. */
const packageOf = (target: string) => /^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? target

test('each technology has one home', () => {
  const wrong = imports.filter(
    ({ file, target }) => program.includes(file) && !(homes[packageOf(target)]?.test(file) ?? true),
  )
  expect(wrong).toEqual([])
  const readers = program.filter(file => /process\.env\b/.test(source.get(file) ?? '') && !file.startsWith('config/'))
  expect(readers).toEqual([])
})

test('files have at most 300 lines, and the median of the program under 100', () => {
  const lengths = new Map([...source].map(([file, text]) => [file, text.split('\n').length - 1]))
  expect([...lengths].filter(([, lines]) => lines > 300)).toEqual([])
  const sorted = program.map(file => lengths.get(file) ?? 0).sort((a, b) => a - b)
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(100)
})

test('names say what is inside', () => {
  const hiding = /(^|\/)(utils?|helpers?|common|services?|repositor(y|ies)|controllers?|managers?|dto|misc|index)\./i
  expect(program.filter(file => hiding.test(file))).toEqual([])
})

/** The longest way over files from where a message or request comes in to where rows are read and written. */
function filesToSql(start: string, ours: RegExp): number {
  const uses = (file: string) => within.filter(one => one.file === file && !isTypeOnly(file, one.target))
  const reachesSql = (file: string) =>
    /db\s*\n?\s*\.(selectFrom|insertInto|updateTable|deleteFrom|replaceInto)|sql`|\.append\(/.test(
      source.get(file) ?? '',
    )
  const walk = (file: string, seen: readonly string[]): number => {
    if (reachesSql(file)) return 1
    const ways = uses(file)
      .filter(({ target }) => ours.test(target) && !seen.includes(target))
      .map(({ target }) => walk(target, [...seen, target]))
      .filter(length => Number.isFinite(length))
    return ways.length > 0 ? 1 + Math.min(...ways) : Number.POSITIVE_INFINITY
  }
  return walk(start, [start])
}

test('a device’s message reaches SQL in at most four files, and a request in at most three', () => {
  const inside =
    /^(broker|src\/(bridge|api|audio|audit|commands|devices|groups|homes|operations|people|quarantine|telemetry|store))\//
  const kinds = program.filter(file =>
    /^src\/bridge\/(telemetry|state|heartbeat|hello|event|alert|log|command-result)\.ts$/.test(file),
  )
  expect(kinds).toHaveLength(8)
  for (const file of kinds)
    expect([file, filesToSql(file, inside)]).toEqual([file, expect.toSatisfy((n: number) => n <= 3)])
  const resources = [
    ...(source.get('src/api/server.ts') ?? '').matchAll(/import \{ \w+Routes? \} from '\.\/([\w-]+)\.js'/g),
  ]
  expect(resources.length).toBeGreaterThan(10)
  for (const [, name] of resources) {
    const steps = filesToSql(`src/api/${name}.ts`, inside)
    // The documents and what every request passes through reach no rows of their own.
    if (Number.isFinite(steps)) expect([name, steps <= 3]).toEqual([name, true])
  }
})

test('a transaction is used wherever one was begun: a forgotten `tx` would wait for itself', () => {
  const forgotten = program.flatMap(file => {
    const text = source.get(file) ?? ''
    return [...text.matchAll(/transaction\(\)\s*\.execute\(async (\w+) => \{([\s\S]*?)\n {2,4}\}\)/g)]
      .filter(([, tx, body = '']) => tx !== 'db' && /\bdb\b/.test(body))
      .map(([whole]) => `${file}: ${whole.slice(0, 120)}`)
  })
  expect(forgotten).toEqual([])
})

test('nothing is loosened: no any, no ignored type errors, no empty catch, no promise of later work', () => {
  const loose =
    /\bas any\b|: any\b|@ts-ignore|@ts-expect-error|catch *(\(\w+\))? *\{\s*\}|as unknown as|biome-ignore|TODO|FIXME|XXX/
  // The privates of Aedes have no types; one file knows them.
  const checked = program.filter(file => file !== 'broker/internals.ts')
  expect(checked.filter(file => loose.test((source.get(file) ?? '').replace(/'[^'\n]*'/g, '')))).toEqual([])
})
