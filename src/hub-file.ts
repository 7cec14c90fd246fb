import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { HubError } from './errors.js'

const content = z.object({
  pid: z.int(),
  host: z.string(),
  http_port: z.int(),
  mqtt_port: z.int(),
  mqtts_port: z.int().nullable(),
})

/** Where a running hub can be reached. */
export type HubFile = z.infer<typeof content>

const pathIn = (data_dir: string) => join(data_dir, 'hub.json')

/** Writes `hub.json` into the data directory. @returns what takes it away again */
export async function writeHubFile(data_dir: string, file: HubFile): Promise<() => Promise<void>> {
  await writeFile(pathIn(data_dir), `${JSON.stringify(file)}\n`)
  return () => rm(pathIn(data_dir), { force: true })
}

/** @throws HubError `not_found` when no hub runs with this data directory */
export async function readHubFile(data_dir: string): Promise<HubFile> {
  try {
    const file = content.parse(JSON.parse(await readFile(pathIn(data_dir), 'utf8')))
    process.kill(file.pid, 0)
    return file
  } catch (cause) {
    const why = `No hub is running with the data directory ${data_dir}. Start one with: hearth start`
    throw new HubError('not_found', why, [], cause)
  }
}
