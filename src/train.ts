// The door `smollm2/train`: the parts of a training run that need no engine: recipes, the order of the data, formulas.

export { pairLoss } from './train/preference.ts';
export { readRecipe } from './train/read-recipe.ts';
export { type PretrainRecipe, sequencesPerStep } from './train/recipe.ts';
export { recipeChanges } from './train/recipe-changes.ts';
export { learningRateAt } from './train/schedule.ts';
export { interleaved, mixtureShares, nanotronOrder } from './train/window-order.ts';
export { IGNORED, nextTokenRow } from './train/window-source.ts';
