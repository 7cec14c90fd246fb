import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openForReading } from '../../src/store/sqlite.js'
import { openStore } from '../../src/store/store.js'
import { until } from '../helper.js'
import { addHome, codeOf, homes, look, openTestStore, silent, type TestStore, writerPragma } from './harness.js'

let folder: string
let file: string
let opened: TestStore | null = null

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-open-'))
  file = join(folder, 'hearth.db')
})
afterEach(async () => {
  await opened?.store.close()
  opened = null
  await rm(folder, { recursive: true })
})

async function openIt(sync: 'full' | 'normal' = 'full'): Promise<TestStore> {
  opened = await openTestStore({ file, sync })
  return opened
}

async function closeIt(): Promise<void> {
  await opened?.store.close()
  opened = null
}

const pageSize = 4096

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.write(bytes, 0, bytes.length, at)
  await handle.close()
}

test.each([
  ['full', 2],
  ['normal', 1],
] as const)(
  'with sync=%s the writer runs synchronous=%d, at the first start and at every other (F2)',
  async (sync, level) => {
    for (let start = 0; start < 3; start++) {
      const { db } = await openIt(sync)
      expect(await writerPragma(db, 'synchronous')).toBe(level)
      expect(await writerPragma(db, 'journal_mode')).toBe('wal')
      await addHome(db, `start-${start}`)
      await closeIt()
    }
    expect(homes(file)).toBe(3)
  },
)

test('a reader’s connection cannot write', async () => {
  await openIt()
  const reader = openForReading(file)
  expect(() => reader.exec('delete from homes')).toThrow('readonly')
  reader.close()
})

test.skipIf(process.platform !== 'linux')('a reader’s thread leaves the processors to the others', async () => {
  const niceness = () =>
    readdirSync('/proc/self/task').map(
      id => readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ')[16],
    )
  const before = niceness().filter(nice => nice === '10').length
  await openIt()
  expect(niceness().filter(nice => nice === '10')).toHaveLength(before + 1)
})

test('folder and file are made when they are not there', async () => {
  file = join(folder, 'deep', 'down', 'hearth.db')
  await openIt()
  expect((await stat(file)).isFile()).toBe(true)
  expect((await stat(join(folder, 'deep'))).mode & 0o077).toBe(0)
})

test.each([
  ['text', Buffer.from('this is not a database, it only has its name\n'.repeat(200))],
  ['zeros', Buffer.alloc(8 * pageSize)],
])('a file of %s is refused by name and left as it is (F6)', async (_, bytes) => {
  await writeFile(file, bytes)
  const refused = openIt()
  expect(await codeOf(refused)).toBe('storage_unavailable')
  await expect(refused).rejects.toThrow(`The database ${file} cannot be opened: file is not a database`)
  expect(await readFile(file)).toEqual(bytes)
})

test('a database whose first page was zeroed is refused and left as it is (F6)', async () => {
  await addHome((await openIt()).db, 'lost')
  await closeIt()
  await overwrite(file, 0, Buffer.alloc(pageSize))
  const spoiled = await readFile(file)
  await expect(openIt()).rejects.toThrow(`The database ${file} cannot be opened`)
  expect(await readFile(file)).toEqual(spoiled)
})

test('a zeroed page is told as storage_unavailable when it is read; what lies elsewhere can be read (F6)', async () => {
  const { db } = await openIt()
  for (let i = 0; i < 20; i++) await opened?.append(Array.from({ length: 100 }, (_, k) => ({ i, k })))
  await addHome(db, 'elsewhere')
  await closeIt()
  const root = look(file, "select rootpage from sqlite_schema where name = 'samples'") as number
  await overwrite(file, (root - 1) * pageSize, Buffer.alloc(pageSize))
  const damaged = await openIt()
  expect(await codeOf(damaged.db.selectFrom('telemetry').selectAll().execute())).toBe('storage_unavailable')
  expect(await codeOf(damaged.append({ t: 1 }))).toBe('storage_unavailable')
  expect(await damaged.db.selectFrom('homes').select('id').execute()).toEqual([{ id: 'elsewhere' }])
})

test('a torn end of the write-ahead log keeps every commit before it (F6)', async () => {
  const { db } = await openIt()
  const total = 50
  for (let i = 0; i < total; i++) await addHome(db, `h-${i}`)
  const copy = join(folder, 'copy.db')
  await cp(file, copy)
  await cp(`${file}-wal`, `${copy}-wal`)
  const { size } = await stat(`${copy}-wal`)
  await truncate(`${copy}-wal`, size - 10)
  await overwrite(`${copy}-wal`, size - 6000, Buffer.alloc(100, 7))
  await closeIt()
  file = copy
  const survivor = await openIt()
  const kept = (await survivor.db.selectFrom('homes').select('id').execute()).length
  expect(kept).toBeGreaterThan(total - 5)
  expect(kept).toBeLessThan(total)
  expect(look(copy, "select count(*) from homes where id = 'h-0'")).toBe(1)
  expect(look(copy, 'pragma integrity_check')).toBe('ok')
  await addHome(survivor.db, 'next')
})

test('a store that was closed has left nothing beside its file, and a copy of that holds everything', async () => {
  const { db } = await openIt()
  for (let i = 0; i < 20; i++) await addHome(db, `h-${i}`)
  expect(await db.selectFrom('homes').select('id').execute()).toHaveLength(20)
  await closeIt()
  expect(await readdir(folder)).toEqual(['hearth.db'])
  const copy = join(folder, 'copy.db')
  await cp(file, copy)
  expect(homes(copy)).toBe(20)
})

test('a store that cannot open all its threads leaves none running', async () => {
  const threads = () => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
  const before = threads()
  const append_module = new URL('./no-such-append.js', import.meta.url)
  const refused = openStore({ file, sync: 'full', readers: 2, append_module, log: silent })
  expect(await codeOf(refused)).toBe('storage_unavailable')
  await until(() => threads() === before)
})

test('a folder that cannot be made is told with the file it was for', async () => {
  await writeFile(join(folder, 'taken'), '')
  file = join(folder, 'taken', 'hearth.db')
  await expect(openIt()).rejects.toThrow(`The database ${file} cannot be opened`)
})
