// Which matrices of a model a recipe's `lora_target_modules` names, as PEFT reads it.

import { FormatError, type FormatErrorPlace } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { ModelConfig } from '../config.ts';
import type { AdapterShape } from './learner.ts';
import { parameterShapes } from './parameter.ts';
import type { LoraRecipe } from './recipe.ts';

/** PEFT's word for every linear module but the one that writes logits. */
const ALL_LINEAR = 'all-linear';
const IN_A_LAYER = 'model.layers.';

/** A lone target that is no plain name is a pattern (TRL hands PEFT a list of one as a text). */
export function isPattern(targets: readonly string[]): boolean {
  return targets.length === 1 && targets[0] !== ALL_LINEAR && !/^[\w.]+$/.test(targets[0]);
}

/** What B A is multiplied by. */
export function loraScale({ rank, alpha, isRankStabilised }: LoraRecipe): number {
  return alpha / (isRankStabilised ? Math.sqrt(rank) : rank);
}

/** @throws SyntaxError for what is no regular expression of JavaScript */
export function wholeMatch(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/**
 * The adapters of a recipe, on modules of this model by their whole names.
 *
 * @throws FormatError for a target that is no matrix of a layer: nothing would be trained where it is meant
 */
export function adapterShape(lora: LoraRecipe, config: ModelConfig, at: FormatErrorPlace): AdapterShape {
  const { rank, targetModules } = lora;
  const modules = Array.from(parameterShapes(config))
    .filter(([, shape]) => shape.length === 2)
    .map(([name]) => name.replace(/\.weight$/, ''));
  const named = new Set(targetModules.flatMap((target) => modulesOf(target, targetModules, modules, at)));
  return { rank, scale: loraScale(lora), targets: modules.filter((module) => named.has(module)) };
}

function modulesOf(
  target: string,
  targets: readonly string[],
  modules: readonly string[],
  at: FormatErrorPlace,
): readonly string[] {
  const inLayers = modules.filter((module) => module.startsWith(IN_A_LAYER));
  if (target === ALL_LINEAR && targets.length === 1) return inLayers;
  const pattern = isPattern(targets) ? wholeMatch(target) : undefined;
  const matches = (module: string) => pattern?.test(module) ?? `.${module}`.endsWith(`.${target}`);
  const found = modules.filter(matches);
  if (found.length > 0 && found.every((module) => module.startsWith(IN_A_LAYER))) return found;
  const names = [...new Set(inLayers.map((module) => module.slice(module.lastIndexOf('.') + 1)))];
  throw new FormatError(`expected matrices of layers (${names.join(', ')}), got ${shown(target)}`, at);
}
