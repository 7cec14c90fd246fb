import { Command } from 'commander'
import { databaseFile, loadConfig } from '../../config/config.js'
import { readHead } from '../audit/head.js'
import { type Verdict, verifyAudit } from '../audit/verify.js'
import { openForQueries } from '../store/read-only.js'
import { print } from './output.js'

export const auditCommand = () => {
  const audit = new Command('audit').description('who did what')
  audit
    .command('verify')
    .description('check that no row of the audit was changed, moved or taken away; the hub may run or not')
    .option('--json', 'as JSON')
    .action(verify)
  return audit
}

async function verify({ json = false }: { json?: boolean }): Promise<void> {
  const config = loadConfig()
  // The head first: rows that come meanwhile are behind it, and none is missed.
  const head = await readHead(config.data_dir)
  const db = openForQueries(databaseFile(config))
  const verdict = await verifyAudit(db, head).finally(() => db.destroy())
  print({ verdict }, json, () => [inWords(verdict)])
  if (!verdict.ok) process.exitCode = 1
}

function inWords({ rows, bad, after_head }: Verdict): string {
  if (bad) return `row ${bad.seq}: ${bad.reason}; the ${rows} rows before it hold together`
  const beyond = after_head > 0 ? `, of which ${after_head} came after the head was last written` : ''
  return `${rows} rows hold together${beyond}`
}
