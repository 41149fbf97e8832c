// A recipe: a list of stages with their options, what comes out, and what the dataset card should say. From yaml,
// JSON or a module; everything is checked before the first document is read.

import { FormatError } from '../../base/errors.ts';
import {
  checkedOptions,
  type GroupStage,
  isGroupStage,
  type Resources,
  type Stage,
  type StageKind,
} from '../stage.ts';
import type { Phase } from './block.ts';

export const OUTPUT_FORMATS = ['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface StageEntry {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** A stage of the reader's own, from a module. */
  readonly own?: Stage | GroupStage;
}

export interface PipelineRecipe {
  readonly name: string;
  readonly description: string;
  readonly license: string | undefined;
  readonly format: OutputFormat;
  readonly stages: readonly StageEntry[];
}

const KEYS = ['name', 'description', 'license', 'format', 'stages'];

/**
 * @param parsed the yaml, JSON or module's default export
 * @throws FormatError with the field that is wrong
 */
export function readPipelineRecipe(parsed: unknown, file: string): PipelineRecipe {
  const fail = (field: string | undefined, message: string): never => {
    throw new FormatError(message, field === undefined ? { file } : { file, field });
  };
  if (!isObject(parsed)) return fail(undefined, 'expected a recipe: name, description, stages');
  const strange = Object.keys(parsed).find((key) => !KEYS.includes(key));
  if (strange) fail(strange, `expected one of ${KEYS.join(', ')}`);
  const text = (key: string, otherwise: string | undefined) => {
    const value = parsed[key] ?? otherwise;
    return typeof value === 'string' || value === undefined ? value : fail(key, 'expected a text');
  };
  const format = text('format', 'jsonl.gz') as OutputFormat;
  if (!OUTPUT_FORMATS.includes(format))
    fail('format', `expected ${OUTPUT_FORMATS.join(' or ')}, got ${format}`);
  if (!Array.isArray(parsed.stages) || parsed.stages.length === 0) {
    fail('stages', 'expected a list of stages');
  }
  return {
    name: text('name', file.replace(/^.*\/|\.\w+$/g, ''))!,
    description: text('description', '')!,
    license: text('license', undefined),
    format,
    stages: (parsed.stages as unknown[]).map((entry, i) => stageEntry(entry, `stages[${i}]`, fail)),
  };
}

/** `pii`, `{ pii: { removeIps: false } }`, or a stage itself. */
function stageEntry(
  entry: unknown,
  field: string,
  fail: (field: string, message: string) => never,
): StageEntry {
  if (typeof entry === 'string') return { name: entry, options: {} };
  if (!isObject(entry)) return fail(field, 'expected the name of a stage, or name: options');
  if (typeof entry.name === 'string' && ('apply' in entry || 'keys' in entry)) {
    return { name: entry.name, options: {}, own: entry as unknown as Stage | GroupStage };
  }
  const [[name, options] = [], ...others] = Object.entries(entry);
  if (name === undefined || others.length > 0) return fail(field, 'expected one stage, as name: options');
  if (options !== null && !isObject(options)) return fail(`${field}.${name}`, 'expected options by name');
  return { name, options: (options as Record<string, unknown> | null) ?? {} };
}

/**
 * The stages of a recipe, made, and cut into phases at each grouping.
 *
 * @throws RangeError, TypeError where a name or an option is wrong
 */
export async function phasesOf(
  recipe: PipelineRecipe,
  kindOf: (name: string) => StageKind,
  resources: Resources,
): Promise<Phase[]> {
  const phases: { decides: GroupStage | undefined; stages: Stage[]; groups: GroupStage | undefined }[] = [
    { decides: undefined, stages: [], groups: undefined },
  ];
  for (const { name, options, own } of recipe.stages) {
    const stage = own ?? (await made(kindOf(name), options, resources));
    if (!isGroupStage(stage)) phases[phases.length - 1].stages.push(stage);
    else {
      phases[phases.length - 1].groups = stage;
      phases.push({ decides: stage, stages: [], groups: undefined });
    }
  }
  return phases;
}

function made(kind: StageKind, options: Readonly<Record<string, unknown>>, resources: Resources) {
  return kind.create(checkedOptions(kind, options), resources);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What each phase does, in words: stages in order, the grouping that ends it last. */
export function phaseList(phases: readonly Phase[]): string[][] {
  return phases.map(({ decides, stages, groups }) => [
    ...(decides ? [`decide ${decides.name}`] : ['read']),
    ...stages.map(({ name }) => name),
    groups ? `group for ${groups.name}` : 'write',
  ]);
}
