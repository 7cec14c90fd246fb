import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { storageUnavailable } from '../store/failure.js'
import type { Queue, QueueCounts, Take, Taken } from './queue.js'

export interface SqsOptions {
  readonly url: string
  /** Where what is given up goes; without, it is only in the recording that it was. */
  readonly dead_url?: string | undefined
  readonly region: string
  /** As the SDK finds them by itself, when left out. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** SQS waits no longer than this for a message, in milliseconds, and hides none longer than 12 hours. */
const maxWaitMs = 20_000
const timeouts = { connectionTimeout: 5000, requestTimeout: maxWaitMs + 10_000 }
const names = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const

/** A queue of SQS. It hands out what it has at least once, and keeps the count of attempts itself. */
export class SqsQueue implements Queue {
  readonly #options: SqsOptions
  readonly #client: SQSClient

  constructor(options: SqsOptions) {
    const { url, region, credentials } = options
    this.#options = options
    const { origin } = new URL(url)
    this.#client = new SQSClient({
      region,
      endpoint: origin,
      requestHandler: timeouts,
      ...(credentials && { credentials }),
    })
  }

  async put(id: string, signal?: AbortSignal): Promise<void> {
    const command = new SendMessageCommand({ QueueUrl: this.#options.url, MessageBody: id })
    await this.#client.send(command, signal ? { abortSignal: signal } : {}).catch(fail)
  }

  async take({ ms, wait_ms, signal }: Take): Promise<Taken | null> {
    const until = Date.now() + wait_ms
    for (;;) {
      const left = Math.max(0, until - Date.now())
      const command = new ReceiveMessageCommand({
        QueueUrl: this.#options.url,
        MaxNumberOfMessages: 1,
        WaitTimeSeconds: Math.floor(Math.min(left, maxWaitMs) / 1000),
        VisibilityTimeout: Math.ceil(ms / 1000),
        // By its former name as well, which is all that other servers know.
        AttributeNames: ['All'],
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      })
      if (signal.aborted) return null
      const { Messages: [message] = [] } = await this.#client
        .send(command, { abortSignal: signal })
        .catch(error => (signal.aborted ? { Messages: [] } : fail(error)))
      if (message?.Body && message.ReceiptHandle) {
        const attempt = Number(message.Attributes?.ApproximateReceiveCount ?? 1)
        return { id: message.Body, receipt: message.ReceiptHandle, attempt }
      }
      if (until - Date.now() < 1000) return null
    }
  }

  async done({ receipt }: Pick<Taken, 'receipt'>): Promise<void> {
    const command = new DeleteMessageCommand({ QueueUrl: this.#options.url, ReceiptHandle: receipt })
    await this.#client.send(command).catch(failUnlessOver)
  }

  async retry({ receipt }: Pick<Taken, 'receipt'>, ms: number): Promise<void> {
    const message = { QueueUrl: this.#options.url, ReceiptHandle: receipt }
    const command = new ChangeMessageVisibilityCommand({ ...message, VisibilityTimeout: Math.ceil(ms / 1000) })
    await this.#client.send(command).catch(failUnlessOver)
  }

  async bury({ id, receipt }: Pick<Taken, 'id' | 'receipt'>, reason: string): Promise<void> {
    const { dead_url } = this.#options
    if (dead_url) {
      const MessageAttributes = { reason: { DataType: 'String', StringValue: reason } }
      await this.#client
        .send(new SendMessageCommand({ QueueUrl: dead_url, MessageBody: id, MessageAttributes }))
        .catch(fail)
    }
    await this.done({ receipt })
  }

  async counts(): Promise<QueueCounts> {
    const { url, dead_url } = this.#options
    const [open, dead] = await Promise.all([this.#count(url), dead_url ? this.#count(dead_url) : 0])
    return { open, dead }
  }

  async #count(url: string): Promise<number> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] })
    const { Attributes = {} } = await this.#client.send(command).catch(fail)
    return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0)
  }
}

const unavailable = (error: unknown) =>
  storageUnavailable(`SQS: ${error instanceof Error ? error.name : String(error)}`)

function fail(error: unknown): never {
  throw unavailable(error)
}

/** Its time is over: somebody else may have it, and this has no effect. */
const over = ['ReceiptHandleIsInvalid', 'MessageNotInflight', 'InvalidParameterValue']

function failUnlessOver(error: unknown): void {
  if (!(error instanceof Error) || !over.includes(error.name)) throw unavailable(error)
}
