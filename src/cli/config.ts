import { Command } from 'commander'
import { exampleFile, loadConfig, masked } from '../../config/config.js'

export const configCommand = () =>
  new Command('config')
    .description('show the configuration in force, secrets masked')
    .option('--json', 'as JSON')
    .option('--example', 'print every setting with its documentation and default instead')
    .action(({ json, example }: { json?: boolean; example?: boolean }) => {
      if (example) {
        process.stdout.write(exampleFile())
        return
      }
      const settings = masked(loadConfig())
      const lines = Object.entries(settings).map(
        ([name, value]) => `HEARTH_${name.toUpperCase()}=${String(value ?? '')}`,
      )
      process.stdout.write(json ? `${JSON.stringify(settings)}\n` : `${lines.join('\n')}\n`)
    })
