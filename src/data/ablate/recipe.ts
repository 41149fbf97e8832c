// What an ablation is asked for: the section `ablate` of a mixture's recipe. The same file says what
// `smollm2 mix` draws and what `smollm2 ablate` tries to better, so the next stage's recipe is this one
// with other rates.

import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { MixRecipe } from '../mixture/mix-recipe.ts';

export interface AblationRecipe {
  /** Held-out text that mixtures are judged by. */
  readonly domains: readonly {
    readonly name: string;
    readonly paths: readonly string[];
    readonly weight: number;
  }[];
  /** Bytes that each small training sees. */
  readonly tokens: number;
  /** Trainings of each mixture: two tell what noise is. */
  readonly seeds: number;
  /** Mixtures drawn beside the present one and those that move one rate. */
  readonly draws: number;
  readonly trust: number;
  readonly floor: number;
  /** The model that is trained. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly sequenceLength: number;
  readonly learningRate: number;
}

/** Bounds of every number: name, default, least, most, and whether it is whole. */
const NUMBERS = {
  tokens: [262_144, 4096, 2 ** 31, true],
  seeds: [2, 2, 20, true],
  draws: [3, 0, 100, true],
  trust: [1.5, 1, 10, false],
  floor: [0.01, 0, 1, false],
  hiddenSize: [64, 32, 1024, true],
  numLayers: [2, 1, 30, true],
  sequenceLength: [64, 16, 2048, true],
  learningRate: [0.005, 1e-6, 1, false],
} as const;
type NumberName = keyof typeof NUMBERS;

/** A head is this wide. */
export const HEAD_DIM = 32;

/** @throws FormatError with the field that is wrong */
export function readAblationRecipe(section: unknown, mix: MixRecipe, file: string): AblationRecipe {
  const fail = (field: string, message: string): never => {
    throw new FormatError(message, { file, field: `ablate.${field}` });
  };
  if (!isObject(section)) {
    throw new FormatError('expected a section with domains', { file, field: 'ablate' });
  }
  const names = Object.keys(NUMBERS) as NumberName[];
  const strange = Object.keys(section).find((key) => key !== 'domains' && !names.includes(key as NumberName));
  if (strange) fail(strange, `expected one of domains, ${names.join(', ')}`);
  const number = (name: NumberName): number => {
    const [byDefault, least, most, isWhole] = NUMBERS[name];
    const value = section[name] ?? byDefault;
    const isRight = typeof value === 'number' && value >= least && value <= most;
    if (isRight && (!isWhole || Number.isInteger(value))) return value;
    return fail(
      name,
      `expected a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}, got ${shown(value)}`,
    );
  };
  if (number('hiddenSize') % HEAD_DIM !== 0) fail('hiddenSize', `expected a multiple of ${HEAD_DIM}`);
  if (mix.sources.length < 2) fail('sources', 'expected two sources or more, since rates are compared');
  const rateless = mix.sources.find(({ rate }) => !rate);
  if (rateless) fail(`sources.${rateless.name}`, 'expected a rate above 0: an ablation moves rates');
  if (!isObject(section.domains)) fail('domains', 'expected held-out files by name');
  const domains = Object.entries(section.domains as Record<string, unknown>).map(([name, value]) => {
    const domain = isObject(value) ? value : { path: value };
    const paths = [domain.path].flat();
    const weight = domain.weight ?? 1;
    if (paths.length === 0 || !paths.every((path) => typeof path === 'string')) {
      fail(`domains.${name}`, 'expected a path, or path and weight');
    }
    if (typeof weight !== 'number' || !(weight > 0))
      fail(`domains.${name}.weight`, 'expected a number above 0');
    return { name, paths: paths as string[], weight: weight as number };
  });
  if (domains.length === 0) fail('domains', 'expected at least one');
  return {
    domains,
    ...(Object.fromEntries(names.map((name) => [name, number(name)])) as Record<NumberName, number>),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
