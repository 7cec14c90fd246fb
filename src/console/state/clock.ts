import { signal } from '@preact/signals'

/** The time, moved on twice a minute: fine enough for "3 minutes ago". Milliseconds since 1970. */
export const now = signal(Date.now())

setInterval(() => {
  now.value = Date.now()
}, 30_000)
