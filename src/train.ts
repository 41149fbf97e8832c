// The door `smollm2/train`: the formulas of a training run that need no engine.

export { pairLoss } from './train/preference.ts';
export { learningRateAt } from './train/schedule.ts';
