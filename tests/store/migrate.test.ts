import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrateDown, migrateUp, migrationStatus } from '../../src/store/migrate.js'
import { codeOf, look, openRaw, openTestStore } from './harness.js'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-migrate-'))
  file = join(folder, 'hearth.db')
})
afterEach(() => rm(folder, { recursive: true }))

const migrations = readdir(new URL('../../migrations', import.meta.url)).then(names =>
  names
    .filter(name => name.endsWith('.js'))
    .map(name => name.slice(0, -3))
    .sort(),
)

const ourTables = "select count(*) from sqlite_schema where name not like 'kysely%' and name not like 'sqlite%'"

test('up applies every migration in order, and a second time nothing', async () => {
  expect(await migrateUp(file)).toEqual(await migrations)
  expect(await migrateUp(file)).toEqual([])
})

test('status tells which migrations are applied, and when', async () => {
  const before = await migrationStatus(file)
  expect(before.map(({ name }) => name)).toEqual(await migrations)
  expect(before.every(({ applied_at }) => applied_at === null)).toBe(true)
  await migrateUp(file)
  const after = await migrationStatus(file)
  for (const { applied_at } of after) expect(Date.parse(applied_at ?? '')).toBeGreaterThan(Date.now() - 60_000)
})

test('down takes back one migration at a time, leaving nothing behind, and up brings it back', async () => {
  await migrateUp(file)
  const tables = look(file, ourTables)
  for (const name of (await migrations).toReversed()) expect(await migrateDown(file)).toEqual([name])
  expect(await migrateDown(file)).toEqual([])
  expect(look(file, ourTables)).toBe(0)
  await migrateUp(file)
  expect(look(file, ourTables)).toBe(tables)
})

test('every table is strict, and every reference to a device is found by an index when the device is deleted', async () => {
  await migrateUp(file)
  const loose =
    "select group_concat(name) from pragma_table_list where schema = 'main' and type = 'table' and strict = 0 and name not like 'kysely%' and name not like 'sqlite%'"
  expect(look(file, loose)).toBeNull()
  const unindexed = `select group_concat(t.name) from sqlite_schema t, pragma_foreign_key_list(t.name) f where f."table" = 'devices'
    and not exists (select 1 from pragma_index_list(t.name) i, pragma_index_info(i.name) c where c.seqno = 0 and c.name = f."from")`
  expect(look(file, unindexed)).toBeNull()
})

test('a database that is newer than the program is refused with a message that says so, and not changed (F15)', async () => {
  await migrateUp(file)
  const newer = openRaw(file)
  newer.exec("insert into kysely_migration values ('9999_of_the_future', '2030-01-01T00:00:00.000Z')")
  newer.close()
  const refused = openTestStore({ file })
  expect(await codeOf(refused)).toBe('storage_unavailable')
  await expect(refused).rejects.toThrow(/newer than this program .*9999_of_the_future/)
  await expect(migrateDown(file)).rejects.toThrow('newer than this program')
  expect(look(file, 'select count(*) from kysely_migration')).toBe((await migrations).length + 1)
})

/** Migrates in a process of its own that is killed before its nth statement. @returns whether it was */
function killedAt(n: number, existing: string): Promise<boolean> {
  const program = fileURLToPath(new URL('./killed-migration.js', import.meta.url))
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, file, existing, String(n)], (error, _, stderr) => {
      if (error && error.signal !== 'SIGKILL') reject(new Error(stderr))
      else resolve(error !== null)
    })
  })
}

test('kill -9 before any of its statements leaves a migration whole or not begun (F15)', async () => {
  const existing = join(folder, 'existing.db')
  await migrateUp(existing)
  const whole = look(existing, ourTables)
  const found = new Set<unknown>()
  for (let n = 2; await killedAt(n, existing); n += 5) {
    const tables = existsSync(file) ? look(file, ourTables) : 0
    expect([0, whole]).toContain(tables)
    found.add(tables)
    if (existsSync(file)) expect(look(file, 'pragma integrity_check')).toBe('ok')
    await migrateUp(file)
    expect(look(file, ourTables)).toBe(whole)
    for (const end of ['', '-wal', '-shm']) await rm(file + end, { force: true })
  }
  expect(found).toContain(0)
}, 120_000)
