import { Command } from 'commander'
import { databaseFile, loadConfig } from '../../config/config.js'
import { lockDirectory } from '../store/lock.js'
import { migrateUp } from '../store/migrate.js'
import { rebuildRollups } from '../telemetry/rebuild.js'
import { isTerminal, print } from './output.js'

export const rollupsCommand = () => {
  const rollups = new Command('rollups').description('what telemetry comes to by the minute, hour and day')
  rollups
    .command('rebuild')
    .description('make them anew from the samples; the hub must not be running')
    .option('--json', 'as JSON')
    .action(rebuild)
  return rollups
}

async function rebuild({ json = false }: { json?: boolean }): Promise<void> {
  const config = loadConfig()
  const unlock = lockDirectory(config.data_dir)
  try {
    await migrateUp(databaseFile(config))
    const hours = rebuildRollups(databaseFile(config), config.sync, left => {
      if (isTerminal() && !json) process.stdout.write(`\r\u001b[2K${left} hours left`)
    })
    if (isTerminal() && !json) process.stdout.write('\r\u001b[2K')
    print({ hours }, json, () => [`${hours} hours were rolled up`])
  } finally {
    unlock()
  }
}
