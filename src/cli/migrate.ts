import { mkdir } from 'node:fs/promises'
import { Argument, Command } from 'commander'
import { databaseFile, loadConfig } from '../../config/config.js'
import { lockDirectory } from '../store/lock.js'
import { migrateDown, migrateUp, migrationStatus } from '../store/migrate.js'
import { print } from './output.js'

export const migrateCommand = () =>
  new Command('migrate')
    .description('bring the database schema up, take its newest step back, or show where it stands')
    .addArgument(new Argument('<direction>').choices(['up', 'down', 'status']))
    .option('--json', 'as JSON')
    .action(async (direction: 'up' | 'down' | 'status', { json = false }: { json?: boolean }) => {
      const config = loadConfig()
      const file = databaseFile(config)
      if (direction === 'status') {
        const migrations = await migrationStatus(file)
        print({ migrations }, json, () =>
          migrations.map(({ name, applied_at }) => `${name}  ${applied_at ?? 'not applied'}`),
        )
        return
      }
      await mkdir(config.data_dir, { recursive: true, mode: 0o700 })
      const unlock = lockDirectory(config.data_dir)
      const changed = await (direction === 'up' ? migrateUp(file) : migrateDown(file)).finally(unlock)
      const done = direction === 'up' ? 'applied' : 'taken back'
      print({ changed }, json, () => (changed.length > 0 ? changed.map(name => `${done} ${name}`) : ['nothing to do']))
    })
