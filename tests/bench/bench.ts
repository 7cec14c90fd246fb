/**
 * `npm run bench`: what the hub does on this machine, beside a reference in the same run. Machines differ and are shared, so the bars are
 * ratios where they can be. Names of benchmarks on the command line run only those; `--quick` measures briefly, `--large` on 100 million
 * points too, which take minutes to make. Ends with 1 when a bar is missed. A benchmark whose program is not on this machine is left out, and the
 * run says so at its end; it ends with 1 where that benchmark was asked for by name.
 */
import { parseArgs } from 'node:util'
import { audio } from './audio.js'
import { commands } from './commands.js'
import { connections } from './connections.js'
import { consoleBench } from './console.js'
import { type Benchmark, Missing, measure } from './figures.js'
import { inserts } from './inserts.js'
import { mixed } from './mixed.js'
import { queries } from './queries.js'
import { rates } from './rates.js'
import { rulesBench } from './rules.js'
import { size } from './size.js'

const benchmarks: Readonly<Record<string, Benchmark>> = {
  rates,
  inserts,
  commands,
  connections,
  queries,
  mixed,
  rules: rulesBench,
  size,
  audio,
  console: consoleBench,
}

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, large: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const unknown = positionals.filter(name => !Object.hasOwn(benchmarks, name))
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}: there are ${Object.keys(benchmarks).join(', ')}.`)
  process.exit(2)
}
let missed = 0
const left: string[] = []
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  try {
    missed += await measure(name, benchmark, values)
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    left.push(`${name} was not measured. ${error.message}`)
  }
}
for (const one of left) console.error(`\n${one}`)
process.exitCode = missed > 0 || (left.length > 0 && positionals.length > 0) ? 1 : 0
