// What a report of vitest says: how many tests passed and failed on standard output, each that failed, and why, on standard error.
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const failures = report.testResults.flatMap(file => {
  const failed = file.assertionResults.filter(test => test.status === 'failed')
  const crashed = file.status === 'failed' && failed.length === 0
  return crashed
    ? [[file.name, file.message]]
    : failed.map(test => [`${file.name} > ${test.fullName}`, test.failureMessages.join('\n')])
})
for (const [name, why] of failures) console.error(`failed: ${name}\n${why.slice(0, 2000)}`)
console.log(report.numPassedTests, failures.length)
