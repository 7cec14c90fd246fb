import { HubError, notFound } from '../errors.js'
import type { Severity } from '../inbound.js'
import type { Db } from '../store/store.js'
import type { Detector } from './detector.js'

/** A detector as a home has it. */
export interface Model {
  readonly model_key: string
  readonly title: string
  readonly enabled: boolean
  /** Of its alerts: as the home has chosen, else the detector's own. */
  readonly severity: Severity
  /** Null where the home has chosen none. */
  readonly chosen: Severity | null
  readonly thresholds: Readonly<Record<string, unknown>>
}

/** What a home wants otherwise; null takes a threshold or the severity back to the detector's own. */
export interface ModelChanges {
  readonly enabled?: boolean | undefined
  readonly severity?: Severity | null | undefined
  readonly thresholds?: Readonly<Record<string, unknown>> | undefined
}

/** Every detector there is, as the home has it. */
export async function listModels(db: Db, detectors: readonly Detector[], home_id: string): Promise<Model[]> {
  const rows = await db.selectFrom('model_config').selectAll().where('home_id', '=', home_id).execute()
  return detectors.map(detector => {
    const row = rows.find(({ model_key }) => model_key === detector.key)
    // What a detector does not know any more it does without.
    const parsed = detector.thresholds.safeParse(row?.thresholds ?? {})
    return {
      model_key: detector.key,
      title: detector.title,
      enabled: isEnabled(detector, row),
      severity: row?.severity ?? detector.severity,
      chosen: row?.severity ?? null,
      thresholds: parsed.success ? parsed.data : detector.thresholds.parse({}),
    }
  })
}

/** @throws HubError `not_found` when there is no such detector; `invalid_request` when it has no such thresholds */
export async function changeModel(
  db: Db,
  detectors: readonly Detector[],
  home_id: string,
  model_key: string,
  changes: ModelChanges,
): Promise<void> {
  const detector = detectors.find(({ key }) => key === model_key)
  if (!detector) throw notFound('model')
  const row = await db
    .selectFrom('model_config')
    .selectAll()
    .where('home_id', '=', home_id)
    .where('model_key', '=', model_key)
    .executeTakeFirst()
  const merged = { ...row?.thresholds, ...changes.thresholds }
  const thresholds = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null))
  checkThresholds(detector, thresholds)
  const severity = changes.severity === undefined ? (row?.severity ?? null) : changes.severity
  const enabled = Number(changes.enabled ?? isEnabled(detector, row))
  await db
    .replaceInto('model_config')
    .values({ home_id, model_key, enabled, severity, thresholds, updated_at: Date.now() })
    .execute()
}

const isEnabled = ({ off }: Detector, row: { readonly enabled: number } | undefined) =>
  row ? row.enabled === 1 : off === undefined

function checkThresholds({ thresholds: schema }: Detector, thresholds: object): void {
  const parsed = schema.safeParse(thresholds)
  if (parsed.success) return
  const lines = parsed.error.issues.map(({ path, message }) => `body/thresholds/${path.join('/')}: ${message}`)
  throw new HubError('invalid_request', 'The request is not valid.', lines)
}
