// A mixture's recipe: sources with rates (shares of a total) or amounts, checked before anything is read.

import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { UNITS, type Unit } from './mixture.ts';

export interface MixSource {
  readonly name: string;
  /** Files, folders or globs. */
  readonly paths: readonly string[];
  /** One of them: a share of `total`, or an amount in the unit. */
  readonly rate: number | undefined;
  readonly amount: number | undefined;
}

export interface MixRecipe {
  readonly unit: Unit;
  readonly total: number | undefined;
  readonly seed: number;
  /** No document comes more often: quality falls beyond four or five (SmolLM2 paper, 3.3). */
  readonly maxEpochs: number;
  readonly sources: readonly MixSource[];
}

/** `ablate` is read by ablate/recipe.ts. */
const KEYS = ['unit', 'total', 'seed', 'maxEpochs', 'sources', 'ablate'];

/** @throws FormatError with the field that is wrong */
export function readMixRecipe(parsed: unknown, file: string): MixRecipe {
  const fail = (field: string, message: string): never => {
    throw new FormatError(message, { file, field });
  };
  const recipe = objectOr(parsed, () => fail('mixture', 'expected unit, total, sources'));
  const strange = Object.keys(recipe).find((key) => !KEYS.includes(key));
  if (strange) fail(strange, `expected one of ${KEYS.join(', ')}`);
  const number = (field: string, value: unknown, otherwise: number | undefined) => {
    if (value === undefined) return otherwise;
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    return fail(field, `expected a number of at least 0, got ${shown(value)}`);
  };
  const unit = (recipe.unit ?? 'characters') as Unit;
  if (!UNITS.includes(unit)) fail('unit', `expected ${UNITS.join(' or ')}, got ${shown(unit)}`);
  const total = number('total', recipe.total, undefined);
  const entries = Object.entries(objectOr(recipe.sources, () => fail('sources', 'expected sources by name')));
  if (entries.length === 0) fail('sources', 'expected at least one');
  const sources = entries.map(([name, value]): MixSource => {
    const field = `sources.${name}`;
    const source = objectOr(value, () => fail(field, 'expected path and rate, or path and amount'));
    const rate = number(`${field}.rate`, source.rate, undefined);
    const amount = number(`${field}.amount`, source.amount, undefined);
    if ((rate === undefined) === (amount === undefined)) fail(field, 'expected either a rate or an amount');
    if (rate !== undefined && total === undefined) fail('total', 'expected, since sources have rates');
    const paths = [source.path].flat();
    const isPaths = (list: unknown[]): list is string[] =>
      list.length > 0 && list.every((path) => typeof path === 'string');
    return { name, paths: isPaths(paths) ? paths : fail(`${field}.path`, 'expected files'), rate, amount };
  });
  return {
    unit,
    total,
    seed: number('seed', recipe.seed, 0)!,
    maxEpochs: number('maxEpochs', recipe.maxEpochs, 4)!,
    sources,
  };
}

/** What each source is asked for, in the unit; rates are shares of their sum. */
export function wantedAmounts({ sources, total }: MixRecipe): number[] {
  const sum = sources.reduce((rates, { rate }) => rates + (rate ?? 0), 0);
  return sources.map(({ rate, amount }) => amount ?? ((total ?? 0) * rate!) / (sum || 1));
}

function objectOr(value: unknown, fail: () => never): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : fail();
}
