import type { DeviceMessage } from '../inbound.js'
import type { Store } from '../store/store.js'
import type { AppendDone } from '../store/writer.js'

/** Readings go to the writer thread unparsed, which checks and stores them in one step (src/telemetry/append.ts). */
export function receiveTelemetry(store: Store, message: DeviceMessage, done: AppendDone): void {
  const { device, received_at, message_id, dup, payload } = message
  store.append({ device_num: device.num, received_at, message_id, dup, payload }, done)
}
