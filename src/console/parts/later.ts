import { lazy } from 'preact-iso'
import { patiently } from '../state/patience.ts'

/** A part of the page that comes when it is first looked at; in an outage, after that. */
export const later = <T>(load: () => Promise<{ readonly default: T }>) => lazy(() => patiently(load))
