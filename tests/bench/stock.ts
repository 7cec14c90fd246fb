/** Stock Aedes in a process of its own, the measure of what a broker does that stores nothing. Prints its port; ends with SIGTERM. */
import { type AddressInfo, createServer } from 'node:net'
import { Aedes } from 'aedes'

const aedes = await Aedes.createBroker({ queueLimit: 10_000 })
const server = createServer(aedes.handle)
server.listen(0, '127.0.0.1', 1024, () => console.log((server.address() as AddressInfo).port))
