import { HubError } from '../errors.js'
import type { Description, Run } from './onnx.js'

/** What is used of onnxruntime-node, which is installed by those alone who have models: it has 288 MB. */
interface Runtime {
  readonly InferenceSession: { create(file: string, options: object): Promise<Session> }
  readonly Tensor: new (type: 'float32', values: Float32Array, shape: readonly number[]) => object
}

interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(inputs: Record<string, object>): Promise<Record<string, { readonly data: unknown }>>
}

// Not in so many words, for it need not be there when this is compiled.
const runtimeName: string = 'onnxruntime-node'

/** @throws HubError `invalid_request` when the runtime is not installed */
async function loadRuntime(): Promise<Runtime> {
  try {
    const module: { default: Runtime } = await import(runtimeName)
    return module.default
  } catch (cause) {
    const message =
      'ONNX models need a package that is not installed: npm install --no-save --ignore-scripts onnxruntime-node'
    throw new HubError('invalid_request', message, [], cause)
  }
}

/** @throws HubError `invalid_request` when it cannot be run, or has no such input or output; what the runtime says of a file it cannot read */
export async function openModel(file: string, { input, output }: Description): Promise<Run> {
  const { InferenceSession, Tensor } = await loadRuntime()
  // One thread: others listen beside this one, and the hub has work of its own.
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  check('input', input.name, session.inputNames)
  check('output', output.name, session.outputNames)
  return async (values, shape) => {
    const answers = await session.run({ [input.name]: new Tensor('float32', values, shape) })
    const data = answers[output.name]?.data
    if (!(data instanceof Float32Array))
      throw new HubError('invalid_request', `The output ${output.name} is not of float32.`)
    return data
  }
}

function check(what: string, name: string, names: readonly string[]): void {
  if (!names.includes(name))
    throw new HubError('invalid_request', `The model has no ${what} ${name}: it has ${names.join(', ')}.`)
}
