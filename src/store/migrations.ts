import type { Migration } from 'kysely'

/** Every migration by its name, in the order in which they happen; one is loaded when it is run. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_initial': lazy(() => import('../../migrations/0001_initial.js')),
  '0002_people': lazy(() => import('../../migrations/0002_people.js')),
  '0003_command_timeline': lazy(() => import('../../migrations/0003_command_timeline.js')),
  '0004_commands': lazy(() => import('../../migrations/0004_commands.js')),
  '0005_twin': lazy(() => import('../../migrations/0005_twin.js')),
  '0006_presence': lazy(() => import('../../migrations/0006_presence.js')),
  '0007_sessions': lazy(() => import('../../migrations/0007_sessions.js')),
  '0008_cancel_step': lazy(() => import('../../migrations/0008_cancel_step.js')),
  '0009_rollups': lazy(() => import('../../migrations/0009_rollups.js')),
  '0010_retention': lazy(() => import('../../migrations/0010_retention.js')),
  '0011_samples': lazy(() => import('../../migrations/0011_samples.js')),
  '0012_field_retention': lazy(() => import('../../migrations/0012_field_retention.js')),
  '0013_alerts': lazy(() => import('../../migrations/0013_alerts.js')),
  '0014_alert_rules': lazy(() => import('../../migrations/0014_alert_rules.js')),
  '0015_notifications': lazy(() => import('../../migrations/0015_notifications.js')),
  '0016_audio': lazy(() => import('../../migrations/0016_audio.js')),
  '0017_alert_raisers': lazy(() => import('../../migrations/0017_alert_raisers.js')),
  '0018_alert_steps': lazy(() => import('../../migrations/0018_alert_steps.js')),
  '0019_people_sessions': lazy(() => import('../../migrations/0019_people_sessions.js')),
}

function lazy(load: () => Promise<Required<Migration>>): Migration {
  return { up: async db => (await load()).up(db), down: async db => (await load()).down(db) }
}
