/**
 * A stock Aedes that stores what its `publish` event tells, in batches, as scripts around a broker do: its PUBACK is sent before. Takes the
 * database file and the port; prints the port once it listens. To be killed.
 */
import { type AddressInfo, createServer } from 'node:net'
import { Aedes } from 'aedes'
import { openForWriting } from '../../src/store/sqlite.js'

const [, , file = '', port = '0'] = process.argv
const db = openForWriting(file, 'full')
db.exec('create table if not exists readings (device text, n integer, primary key (device, n)) without rowid')
const insert = db.prepare('insert or ignore into readings values (?, ?)')

const waiting: [string, number][] = []
const flush = db.transaction((batch: [string, number][]) => {
  for (const reading of batch) insert.run(...reading)
})

const aedes = await Aedes.createBroker()
aedes.on('publish', ({ payload }, client) => {
  if (client) waiting.push([client.id, JSON.parse(payload.toString()).data.n])
})
setInterval(() => flush(waiting.splice(0)), 20)
const server = createServer(aedes.handle)
server.listen(Number(port), '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
