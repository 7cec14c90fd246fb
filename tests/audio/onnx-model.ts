/** As much of ONNX's protobuf (onnx.proto3, IR version 8) as a model of a few nodes takes. */

type Field = readonly [number: number, value: number | string | Buffer]

const varint = (value: number): Buffer =>
  value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >>> 7)])

/** Numbers as varints, all else with its length before it. */
const message = (...fields: readonly Field[]): Buffer =>
  Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)])
      const bytes = Buffer.from(value)
      return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
    }),
  )

const float = 1
const ints = (name: string, values: readonly number[]) =>
  message([1, name], ...values.map((value): Field => [8, value]), [20, 7])

/** A node of the graph; what it takes and gives are names. */
const node = (type: string, takes: readonly string[], gives: string, ...attributes: readonly Buffer[]) =>
  message(
    ...takes.map((name): Field => [1, name]),
    [2, gives],
    [4, type],
    ...attributes.map((attribute): Field => [5, attribute]),
  )

/** A value's name and shape; a word stands for any length. */
const value = (name: string, shape: readonly (number | string)[]) => {
  const dimensions = shape.map((size): Field => [1, message(typeof size === 'number' ? [1, size] : [2, size])])
  return message([1, name], [2, message([1, message([1, float], [2, message(...dimensions)])])])
}

const weights = (name: string, rows: readonly (readonly number[])[]) => {
  const raw = Buffer.from(Float32Array.from(rows.flat()).buffer)
  return message([1, rows.length], [1, rows[0]?.length ?? 0], [2, float], [8, name], [9, raw])
}

/**
 * A model that averages `[1, frames, bands]`, or `[1, bands, frames]`, over its frames and multiplies with `matrix`, a row a band and a
 * column a class.
 */
export const linearModel = (matrix: readonly (readonly number[])[], framesAt: 1 | 2 = 1): Buffer => {
  const shape = framesAt === 1 ? [1, 'frames', matrix.length] : [1, matrix.length, 'frames']
  const graph = message(
    [1, node('ReduceMean', ['heard'], 'mean', ints('axes', [framesAt]), message([1, 'keepdims'], [3, 0], [20, 2]))],
    [1, node('MatMul', ['mean', 'weights'], 'classes')],
    [2, 'linear'],
    [5, weights('weights', matrix)],
    [11, value('heard', shape)],
    [12, value('classes', [1, matrix[0]?.length ?? 0])],
  )
  return message([1, 8], [7, graph], [8, message([1, ''], [2, 13])])
}

const bands = 16
/** Whether most of the power is in the upper half of the bands, or in the lower. */
export const matrix = Array.from({ length: bands }, (_, band) => (band < bands / 2 ? [0, 1] : [1, 0]))
/** What says so of a model of that matrix. */
export const pitch = {
  key: 'pitch',
  title: 'Pitch',
  window_seconds: 1,
  input: { name: 'heard', shape: [1, 'frames', 'bands'], log_mel: { bands, low_hz: 100, high_hz: 7000 } },
  output: { name: 'classes', activation: 'softmax', classes: ['high', 'low'] },
  thresholds: { high: 0.9 },
}
