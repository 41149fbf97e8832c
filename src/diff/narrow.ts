// Where no known cause fits: which heads, rows, columns or weights are wrong, and whose numbers fit instead.

import { isProjection, LAYER_POINTS, placeOf, pointName, pointOf } from '../model/points.ts';
import type { Variant } from './expectation.ts';
import { ratioAt } from './fit.ts';
import { fitVariant, type Suspect, sibling } from './suspect.ts';
import { renamed, transposed } from './weight-source.ts';

/** What is known about an unknown fault; members are present where they say something. */
export interface Narrowing {
  /** For people: one sentence per finding. */
  readonly findings: readonly string[];
  /** Token rows with unexplained values, when not all have them. */
  readonly rows?: readonly number[];
  /**
   * Channels (or heads' channels, or token ids for lm_head) with unexplained values, when not most have them.
   */
  readonly columns?: readonly number[];
  readonly heads?: readonly number[];
  /** The layer whose weights explain the point. */
  readonly layer?: number;
  /** The tensor whose numbers explain the point, or that holds the fault. */
  readonly tensor?: string;
  readonly transposed?: boolean;
}

/** Share of the unexplained from which a finding counts. */
const NARROWED_FIT = 0.9;
/** Few enough columns to be listed one by one as the place of the fault. */
const FEW = 0.5;

/** Looks for what is special about the unexplained values. */
export async function narrow(suspect: Suspect): Promise<Narrowing> {
  const broken = notFinite(suspect);
  if (broken) return broken;
  const pattern = patternOf(suspect);
  const found =
    (await otherLayer(suspect)) ??
    (await otherWeights(suspect)) ??
    (await transposedWeight(suspect)) ??
    (await droppedHeads(suspect)) ??
    deadHeads(suspect, pattern) ??
    wrongWeight(suspect, pattern);
  const findings = [...(found?.findings ?? []), ...describe(suspect, pattern)];
  return { ...pattern, ...found, findings };
}

function notFinite(suspect: Suspect): Narrowing | undefined {
  const { values, known } = suspect.observed;
  const at = values.findIndex((value, i) => !Number.isFinite(value) && (!known || known[i] === 1));
  if (at < 0) return undefined;
  const size = values.length / suspect.candidate.numRows;
  const [row, column] = [Math.floor(at / size), at % size];
  return { findings: [`the first ${values[at]} stands in row ${row}, column ${column}`], rows: [row] };
}

/** Which rows and columns hold unexplained values; listed only where they are a minority. */
function patternOf(suspect: Suspect): Pick<Narrowing, 'rows' | 'columns' | 'heads'> {
  const { observed, estimate, candidate, part } = suspect;
  const { numRows, config } = candidate;
  const size = observed.values.length / numRows;
  const rows = new Set<number>();
  const columns = new Set<number>();
  const heads = new Set<number>();
  const isProbs = part === 'self_attn.attn_probs';
  for (let i = 0; i < observed.values.length; i++) {
    if ((observed.known && !observed.known[i]) || !(ratioAt(observed, estimate, i) > 1)) continue;
    if (isProbs) {
      heads.add(Math.floor(i / numRows / numRows));
      rows.add(Math.floor(i / numRows) % numRows);
    } else {
      rows.add(Math.floor(i / size));
      columns.add(i % size);
      if (isSplit(part)) heads.add(Math.floor((i % size) / config.headDim));
    }
  }
  const numHeads = isProbs ? config.numHeads : size / config.headDim;
  const sorted = (set: Set<number>) => [...set].sort((a, b) => a - b);
  return {
    ...(rows.size < numRows ? { rows: sorted(rows) } : {}),
    ...(columns.size > 0 && columns.size < FEW * size ? { columns: sorted(columns) } : {}),
    ...(heads.size > 0 && heads.size < numHeads ? { heads: sorted(heads) } : {}),
  };
}

/** Whether a point's channels are heads. */
function isSplit(part: string): boolean {
  return /self_attn\.(q_proj|k_proj|v_proj|q_rope|k_rope|attn_out)$/.test(part);
}

function describe(suspect: Suspect, pattern: Narrowing | Omit<Narrowing, 'findings'>): string[] {
  const { numRows } = suspect.candidate;
  const size = suspect.observed.values.length / numRows;
  const findings: string[] = [];
  if (pattern.heads) findings.push(`only heads ${ranges(pattern.heads)} are off`);
  if (pattern.columns) findings.push(`only columns ${ranges(pattern.columns)} of ${size} are off`);
  if (pattern.rows) findings.push(`only token rows ${ranges(pattern.rows)} of ${numRows} are off`);
  if (findings.length === 0) findings.push('the difference is spread over all rows and most columns');
  return findings;
}

/** 1, 2, 3, 7 as `1–3, 7`; long lists are cut. */
export function ranges(numbers: readonly number[]): string {
  const spans: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at;
    while (end + 1 < numbers.length && numbers[end + 1] === numbers[end] + 1) end++;
    spans.push(end > at ? `${numbers[at]}–${numbers[end]}` : `${numbers[at]}`);
    at = end + 1;
  }
  return spans.length > 12 ? `${spans.slice(0, 12).join(', ')}, …` : spans.join(', ');
}

/** Another layer as a whole, where the point shows several of a layer's modules at once. */
async function otherLayer(suspect: Suspect): Promise<Narrowing | undefined> {
  const { weights, layer, parts, candidate } = suspect;
  if (!weights || layer === undefined || parts.size < 3) return undefined;
  let best = { layer: -1, fit: 0 };
  for (let other = 0; other < candidate.config.numLayers; other++) {
    if (other === layer) continue;
    const own = `model.layers.${layer}.`;
    const swapped = renamed(weights, (name) => name.replace(own, `model.layers.${other}.`));
    const fit = await fitAfter(suspect, { weights: swapped });
    if (fit > best.fit) best = { layer: other, fit };
  }
  if (best.fit < NARROWED_FIT) return undefined;
  return {
    findings: [`the weights of layer ${best.layer} fit instead of those of layer ${layer}: layers exchanged`],
    layer: best.layer,
  };
}

/** Another layer's tensor of the same name, or another tensor of the same shape in the same layer. */
async function otherWeights(suspect: Suspect): Promise<Narrowing | undefined> {
  const { weights, layer, name, candidate } = suspect;
  const tensor = `${name}.weight`;
  const shape = weights?.shape(tensor)?.join();
  if (!weights || layer === undefined || !shape) return undefined;
  const parts = LAYER_POINTS.filter(({ rule }) => rule === 'linear' || rule === 'norm').map(
    ({ part }) => part,
  );
  const names = [
    ...Array.from({ length: candidate.config.numLayers }, (_, l) => pointName(l, suspect.part)),
    ...parts.map((part) => pointName(layer, part)),
  ].map((point) => `${point}.weight`);
  let best: { name: string; fit: number } = { name: '', fit: 0 };
  for (const other of names) {
    if (other === tensor || weights.shape(other)?.join() !== shape) continue;
    const swapped = renamed(weights, (asked) => (asked === tensor ? other : asked));
    const fit = await fitAfter(suspect, { weights: swapped });
    if (fit > best.fit) best = { name: other, fit };
  }
  if (best.fit < NARROWED_FIT) return undefined;
  const place = placeOf(best.name.replace(/\.weight$/, ''));
  const exchanged = place.part === suspect.part && place.layer !== layer;
  return {
    findings: [
      exchanged
        ? `the weights of layer ${place.layer} fit instead of those of layer ${layer}: layers exchanged`
        : `${best.name} fits instead of ${tensor}: tensors exchanged`,
    ],
    layer: place.layer,
    tensor: best.name,
  };
}

async function transposedWeight(suspect: Suspect): Promise<Narrowing | undefined> {
  const { weights, name, part } = suspect;
  const tensor = `${name}.weight`;
  if (!weights || !isProjection(part) || !weights.shape(tensor)) return undefined;
  const fit = await fitAfter(suspect, { weights: transposed(weights, tensor) });
  if (fit < NARROWED_FIT) return undefined;
  return { findings: [`${tensor} fits when it is read transposed`], tensor, transposed: true };
}

/** Heads whose share of o_proj is missing, found one after the other. */
async function droppedHeads(suspect: Suspect): Promise<Narrowing | undefined> {
  const { part, candidate, weights } = suspect;
  if (part !== 'self_attn.o_proj' || !weights) return undefined;
  const { numHeads, headDim } = candidate.config;
  const dropped: number[] = [];
  let fit = 0;
  for (let round = 0; round < numHeads && fit < NARROWED_FIT; round++) {
    let best = { head: -1, fit };
    for (let head = 0; head < numHeads; head++) {
      if (dropped.includes(head)) continue;
      const without = new Set([...dropped, head]);
      const linearInput = (x: Float64Array) =>
        x.map((value, i) => (without.has(Math.floor(i / headDim) % numHeads) ? 0 : value));
      const after = await fitAfter(suspect, { linearInput });
      if (after > best.fit) best = { head, fit: after };
    }
    if (best.head < 0) return undefined;
    dropped.push(best.head);
    fit = best.fit;
  }
  if (fit < NARROWED_FIT) return undefined;
  const heads = dropped.sort((a, b) => a - b);
  return { findings: [`heads ${ranges(heads)} do not reach o_proj`], heads };
}

/** Heads that are zero throughout where they should not be. */
function deadHeads(suspect: Suspect, pattern: Omit<Narrowing, 'findings'>): Narrowing | undefined {
  const { observed, candidate, part } = suspect;
  const { headDim } = candidate.config;
  if (!isSplit(part) || !pattern.heads || observed.known) return undefined;
  const numHeads = observed.values.length / candidate.numRows / headDim;
  const isDead = (head: number) =>
    observed.values.every((value, i) => Math.floor(i / headDim) % numHeads !== head || value === 0);
  if (!pattern.heads.every(isDead)) return undefined;
  return { findings: [`heads ${ranges(pattern.heads)} are zero: dead`], heads: pattern.heads };
}

/**
 * Single wrong weights: the difference of an output over the tokens follows one input's value. With fewer
 * tokens than this, some input always does.
 */
const MIN_TOKENS = 4;

function wrongWeight(suspect: Suspect, pattern: Omit<Narrowing, 'findings'>): Narrowing | undefined {
  const { part, name, observed, estimate, candidate } = suspect;
  const source = isProjection(part) ? pointOf(part)?.inputs[0] : undefined;
  const x = source && sibling(suspect, source);
  const { numRows } = candidate;
  if (!x || !pattern.columns || observed.known || numRows < MIN_TOKENS) return undefined;
  const outSize = observed.values.length / numRows;
  const tensor = `${name}.weight`;
  const zero = pattern.columns.filter((o) => {
    for (let t = 0; t < numRows; t++) if (observed.values[t * outSize + o] !== 0) return false;
    return true;
  });
  if (zero.length === pattern.columns.length) {
    return { findings: [`rows ${ranges(zero)} of ${tensor} give nothing but zero`], tensor };
  }
  const wrong = pattern.columns.slice(0, 16).flatMap((o) => {
    const difference = Float64Array.from(
      { length: numRows },
      (_, t) => observed.values[t * outSize + o] - estimate.values[t * outSize + o],
    );
    const found = followedInput(difference, x);
    return found ? [`[${o}, ${found.input}] (off by ${found.by.toPrecision(4)})`] : [];
  });
  if (wrong.length === 0)
    return { findings: [`rows ${ranges(pattern.columns)} of ${tensor} are off`], tensor };
  return { findings: [`single weights of ${tensor} are off: ${wrong.join(', ')}`], tensor };
}

/** The input whose values over the tokens are the difference times a constant. */
function followedInput(difference: Float64Array, x: Float64Array): { input: number; by: number } | undefined {
  const numRows = difference.length;
  const inSize = x.length / numRows;
  const energy = difference.reduce((sum, value) => sum + value * value, 0);
  for (let i = 0; i < inSize; i++) {
    let xy = 0;
    let xx = 0;
    for (let t = 0; t < numRows; t++) {
      xy += x[t * inSize + i] * difference[t];
      xx += x[t * inSize + i] ** 2;
    }
    if (xx > 0 && (xy * xy) / xx > 0.9999 * energy) return { input: i, by: xy / xx };
  }
  return undefined;
}

async function fitAfter(suspect: Suspect, variant: Variant): Promise<number> {
  return (await fitVariant(suspect, variant))?.fit ?? 0;
}
