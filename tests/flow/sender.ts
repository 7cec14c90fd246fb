import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Random } from '../../simulators/random.js'
import type { ChildHub } from './child.js'

export interface Point {
  readonly ts: number
  readonly data: Readonly<Record<string, number>>
}

/** A device that sends points over HTTP to a hub that may be killed. */
export class Sender {
  /** The hub is about to be killed: what fails from now on is no fault. */
  over = false
  /** What was sent last and not acknowledged. */
  pending: readonly Point[] = []
  readonly #hub: ChildHub
  readonly #id: string
  readonly #key: string
  readonly #take: (id: string, points: readonly Point[]) => void

  /** @param take is told what was acknowledged */
  constructor(hub: ChildHub, id: string, key: string, take: (id: string, points: readonly Point[]) => void) {
    this.#hub = hub
    this.#id = id
    this.#key = key
    this.#take = take
  }

  /** Sends one batch after another until it is over. */
  async send(made: () => readonly Point[], random: Random): Promise<void> {
    while (!this.over) {
      await this.sendOnce(made()).catch(error => {
        if (!this.over) throw error
      })
      await sleep(random.between(0, 50))
    }
  }

  async sendOnce(points: readonly Point[]): Promise<void> {
    this.pending = points
    if (points.length === 0) return
    const answer = await fetch(`http://127.0.0.1:${this.#hub.file.http_port}/api/v1/telemetry`, {
      method: 'POST',
      headers: { 'x-api-key': this.#key, 'content-type': 'application/json' },
      body: JSON.stringify(points),
    })
    expect(answer.status).toBe(202)
    this.#take(this.#id, points)
    this.pending = []
  }
}
