import type { LeafSpec } from './condition.js'
import { Events } from './events.js'
import type { Leaf } from './inputs.js'
import { StateValue, Threshold } from './lasting.js'
import { Rate } from './rate.js'
import { Silence } from './silence.js'

/** @param begun since when a device may be silent */
export function leafOf(spec: LeafSpec, begun: number): Leaf {
  switch (spec.type) {
    case 'threshold':
      return new Threshold(spec)
    case 'state':
      return new StateValue(spec)
    case 'rate':
      return new Rate(spec)
    case 'no_data':
      return new Silence(spec, begun)
    case 'events':
      return new Events(spec)
  }
}
