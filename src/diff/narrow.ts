// What can be said without a cause: which heads, rows, columns or weights are wrong.

import { isProjection, pointOf } from '../model/points.ts';
import { ratioAt } from './fit.ts';
import { type Suspect, sibling } from './suspect.ts';

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
}

/** Few enough columns to be listed one by one as the place of the fault. */
const FEW = 0.5;

/** What is special about the unexplained values. */
export function narrow(suspect: Suspect): Narrowing {
  const broken = notFinite(suspect);
  if (broken) return broken;
  const pattern = patternOf(suspect);
  return { ...pattern, findings: describe(suspect, pattern) };
}

function notFinite(suspect: Suspect): Narrowing | undefined {
  const { values, known } = suspect.observed;
  const at = values.findIndex((value, i) => !Number.isFinite(value) && (!known || known[i] === 1));
  if (at < 0) return undefined;
  const size = values.length / suspect.numRows;
  const [row, column] = [Math.floor(at / size), at % size];
  return { findings: [`the first ${values[at]} stands in row ${row}, column ${column}`], rows: [row] };
}

/** Which rows and columns hold unexplained values; listed only where they are a minority. */
function patternOf(suspect: Suspect): Pick<Narrowing, 'rows' | 'columns' | 'heads'> {
  const { observed, estimate, candidate, part } = suspect;
  const { numRows } = suspect;
  const { config } = candidate;
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
  const { numRows } = suspect;
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

/**
 * Single wrong weights: the difference of an output over the tokens follows one input's value. With fewer
 * tokens than this, some input always does.
 */
const MIN_TOKENS = 4;

/** Weights whose outputs are off, and the outputs as they should be with them corrected. */
export function wrongWeights(
  suspect: Suspect,
): { readonly finding: string; readonly correct: (values: Float64Array) => void } | undefined {
  const { part, name, observed, estimate, numRows } = suspect;
  const source = isProjection(part) ? pointOf(part)?.inputs[0] : undefined;
  const x = source && sibling(suspect, source);
  const { columns } = patternOf(suspect);
  if (!x || !columns || observed.known || numRows < MIN_TOKENS) return undefined;
  const outSize = observed.values.length / numRows;
  const inSize = x.length / numRows;
  const tensor = `${name}.weight`;
  const changes: { column: number; input?: number; by: number }[] = [];
  for (const column of columns) {
    const difference = Float64Array.from(
      { length: numRows },
      (_, t) => observed.values[t * outSize + column] - estimate.values[t * outSize + column],
    );
    const isZero = difference.every((_, t) => observed.values[t * outSize + column] === 0);
    const found = isZero ? undefined : followedInput(difference, x);
    if (!isZero && !found) return undefined;
    changes.push({ column, input: found?.input, by: found?.by ?? 0 });
  }
  const zero = changes.filter(({ input }) => input === undefined).map(({ column }) => column);
  const single = changes.flatMap(({ column, input, by }) =>
    input === undefined ? [] : [`[${column}, ${input}] (off by ${by.toPrecision(4)})`],
  );
  const findings = [
    ...(zero.length > 0 ? [`rows ${ranges(zero)} of ${tensor} give nothing but zero`] : []),
    ...(single.length > 0 ? [`single weights of ${tensor} are off: ${single.slice(0, 16).join(', ')}`] : []),
  ];
  const correct = (values: Float64Array) => {
    for (const { column, input, by } of changes) {
      for (let t = 0; t < numRows; t++) {
        const at = t * outSize + column;
        values[at] = input === undefined ? 0 : values[at] + by * x[t * inSize + input];
      }
    }
  };
  return { finding: findings.join('; '), correct };
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
