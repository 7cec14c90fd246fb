import { z } from 'zod'
import { bytes, optional } from './kinds.js'
import { durationPattern } from './quantities.js'

/** The settings of recordings. */
export const audio = {
  HEARTH_AUDIO_WORKERS: z.coerce
    .number()
    .int()
    .min(0)
    .max(16)
    .default(1)
    .describe('Threads that listen to recordings. 0 leaves that to `hearth worker` elsewhere'),
  HEARTH_WORKER_TOKEN: optional('The service token of `hearth worker`, where its --token does not say it'),
  HEARTH_AUDIO_MODELS: optional(
    'A folder of ONNX classifiers of sound, each a `.onnx` file with a `.json` file that describes it',
  ),
  HEARTH_AUDIO_BYTES: bytes('20MB', 'How large a recording may be'),
  HEARTH_AUDIO_SECONDS: z.coerce.number().int().min(1).max(3600).default(300).describe('How long a recording may be'),
  HEARTH_AUDIO_KEEP: z
    .string()
    .regex(durationPattern)
    .default('7d')
    .describe('How long the sound of recordings is kept; what was heard in them stays for a year'),
  HEARTH_S3_BUCKET: optional(
    'Keeps the sound of recordings in this bucket of S3 (below the data directory when unset)',
  ),
  HEARTH_S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Another server that speaks like S3, which devices and workers must reach as well'),
  HEARTH_SQS_QUEUE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Has recordings wait for a worker in this queue of SQS (in the database when unset)'),
  HEARTH_SQS_DEAD_LETTER_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The queue of SQS for what is given up'),
  HEARTH_AWS_REGION: z.string().min(1).default('us-east-1').describe('The region of S3 and SQS'),
  HEARTH_AWS_ACCESS_KEY_ID: optional(
    'With HEARTH_AWS_SECRET_ACCESS_KEY the credential for both (as the AWS SDK finds one when unset)',
  ),
  HEARTH_AWS_SECRET_ACCESS_KEY: optional('The secret of that credential'),
}
