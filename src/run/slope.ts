// The slope of the loss for one number of a model in training, found twice in float64: by the backward pass, and by
// moving the number a little to both sides. What a gradient means, and the proof that it is right.

import { type Batch, Learner } from '../train/learner.ts';
import { LocalMachine, type TrainingMachine } from '../train/machine.ts';

export interface Slope {
  /** Of the number as it is. */
  readonly value: number;
  /** Mean loss of the text, in nats a token. */
  readonly loss: number;
  readonly backward: number;
  /** Central differences of two widths, joined so that the error of the third derivative falls out (Richardson). */
  readonly difference: number;
}

/** The narrower step to both sides: rounding costs about 1e-12 of the slope then, truncation h⁴ of it. */
const STEP = 1e-3;

/**
 * @param name  a parameter, by its HF name
 * @param index of a number in it, row-major
 * @param ids   a short text: each token predicts the next one
 * @throws RangeError where the model has no such number
 */
export async function lossSlope(
  machine: TrainingMachine,
  name: string,
  index: number,
  ids: readonly number[],
): Promise<Slope> {
  // Of its own: a page that never asks need not fetch it.
  const { ReferenceTraining } = await import('../reference/training.ts');
  const options = { maxSeqLen: ids.length, recomputes: false, trainedNames: [name], withoutMoments: true };
  const learner = new Learner(new ReferenceTraining(), machine.config, options);
  const exact = new LocalMachine(learner);
  const values = checkedNumber(machine, name, index);
  for (const parameter of machine.parameters) {
    exact.write('values', parameter.name, machine.read('values', parameter.name));
  }
  const numPairs = ids.length - 1;
  const batch: Batch = { ids: ids.slice(0, -1), labels: ids.slice(1), sequenceLengths: [numPairs] };
  const lossAt = (value: number) => {
    values[index] = value;
    exact.write('values', name, values);
    return learner.losses(batch).losses.reduce((sum, loss) => sum + loss, 0) / numPairs;
  };
  const value = values[index];
  learner.gradients(
    batch,
    batch.labels.map(() => 1 / numPairs),
  );
  const backward = exact.read('gradient', name)[index];
  const slopeOver = (h: number) => (lossAt(value + h) - lossAt(value - h)) / (2 * h);
  const difference = (4 * slopeOver(STEP) - slopeOver(2 * STEP)) / 3;
  return { value, loss: lossAt(value), backward, difference };
}

/** The parameter's numbers, with one at the index. */
function checkedNumber(machine: TrainingMachine, name: string, index: number): Float64Array {
  if (!machine.parameters.some((parameter) => parameter.name === name)) {
    throw new RangeError(`parameter: expected one of the model's, got ${JSON.stringify(name)}`);
  }
  const values = Float64Array.from(machine.read('values', name));
  if (!(Number.isInteger(index) && index >= 0 && index < values.length)) {
    throw new RangeError(`index: expected 0 to ${values.length - 1} in ${name}, got ${index}`);
  }
  return values;
}
