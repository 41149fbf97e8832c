// Parameters that AdamW does not decay, out of the regular expressions of a recipe. TRL's speak of HF's names,
// nanotron's of its own: `model.token_position_embeddings.pp_block.token_embedding.weight` is HF's
// `model.embed_tokens.weight`, and a recipe is read as it was written.

import type { ModelConfig } from '../config.ts';
import { nanotronParameters } from '../format/nanotron-layout.ts';
import type { Recipe } from './recipe.ts';

/** A regular expression of a recipe, which must match from the beginning of a name (Python's `re.match`). */
export function namePattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})`);
}

/**
 * HF names of the parameters without decay.
 *
 * @param names  of all parameters, as HF has them
 * @param onNote told of patterns of a pretraining recipe that match no parameter
 */
export function undecayedNames(
  recipe: Recipe,
  config: ModelConfig,
  names: readonly string[],
  onNote: (text: string) => void,
): string[] {
  const { weightDecayExclude: patterns } = recipe.optimizer;
  const isNanotron = recipe.kind === 'pretrain' && patterns.length > 0;
  const aliases = isNanotron ? nanotronNames(config) : new Map<string, string[]>();
  const undecayed = new Set<string>();
  for (const pattern of patterns) {
    const regexp = namePattern(pattern);
    const found = names.filter((name) =>
      [name, ...(aliases.get(name) ?? [])].some((one) => regexp.test(one)),
    );
    for (const name of found) undecayed.add(name);
    if (isNanotron && found.length === 0) {
      onNote(`weight_decay_exclude_named_params: ${pattern} is the name of no parameter`);
    }
  }
  return [...undecayed];
}

/** nanotron's names of each HF name; a tied head counts as the embedding. */
function nanotronNames(config: ModelConfig): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { folder, kind, parts } of nanotronParameters(config)) {
    for (const { name } of parts) names.set(name, [`${folder.replaceAll('/', '.')}.${kind}`]);
  }
  if (config.tiedEmbeddings) names.get('model.embed_tokens.weight')!.push('model.lm_head.pp_block.weight');
  return names;
}
