// The text that llama.cpp's `llama-eval-callback` prints: every intermediate tensor by name, operation and
// size, with the first and last three values of each axis. Values that are left out stay unknown.

import { FormatError } from '../base/errors.ts';
import type { RawTensor, RawTrace } from './raw-trace.ts';

/**
 * A header line: `ggml_debug:   Qcur-0 = (f32)   MUL_MAT(…) = {576, 5, 1, 1}`; ggml names the innermost axis
 * first.
 */
const HEADER = /^\S+:\s+(\S.*?) = \(\w+\)\s+(\w+)\(.*\)? = \{(\d+), (\d+), (\d+), (\d+)\}\s*$/;

/** Larger tensors than any of a 1.7B model at 8,192 positions are not believed. */
const MAX_VALUES = 2 ** 30;
/**
 * Values that the text cannot show are not stored one by one: a tensor may be this much larger than the text.
 */
const MAX_RATIO = 4096;

/** Whether a text looks like the output of eval-callback. */
export function isEvalCallback(text: string): boolean {
  return text
    .slice(0, 1 << 20)
    .split('\n')
    .some((line) => HEADER.test(line));
}

/**
 * Reads the whole output. A name that comes twice (Qcur-0 before and after RoPE) is kept under `name` the
 * first time and under `name (OP)` afterwards.
 *
 * @throws FormatError when no tensor is found, or one holds more values than its size says
 */
export function parseEvalCallback(text: string, file: string): RawTrace {
  const tensors = new Map<string, RawTensor>();
  const lines = text.split('\n');
  for (let n = 0; n < lines.length; n++) {
    const match = HEADER.exec(lines[n]);
    if (!match) continue;
    const [, label, op] = match;
    const sizes = match.slice(3, 7).map(Number);
    const count = sizes.reduce((product, size) => product * size, 1);
    if (count < 1 || count > Math.min(MAX_VALUES, Math.max(text.length, 2 ** 16) * MAX_RATIO)) {
      throw new FormatError(`expected a tensor of a believable size, got {${sizes.join(', ')}}`, {
        file,
        field: `line ${n + 1}`,
      });
    }
    const body: string[] = [];
    while (n + 1 < lines.length && !HEADER.test(lines[n + 1])) body.push(lines[++n]);
    // What llama.cpp calls `norm` is not yet multiplied by its weight; in HuggingFace's names it would be.
    const name = tensors.has(label) || label === 'norm' ? `${label} (${op})` : label;
    tensors.set(name, readValues(body.join('\n'), sizes, { file, field: label }));
  }
  if (tensors.size === 0) {
    throw new FormatError('expected the output of llama-eval-callback, got no tensor', { file });
  }
  return { name: file, tensors, metadata: {} };
}

/** The nested brackets of one tensor; `...` skips to the last three of its axis. */
function readValues(
  body: string,
  sizes: readonly number[],
  place: { file: string; field: string },
): RawTensor {
  const count = sizes.reduce((product, size) => product * size, 1);
  const values = new Float64Array(count);
  const known = new Uint8Array(count);
  // Index along ggml's axes 3, 2, 1, 0: one per depth of brackets, the last one for values in a row.
  const index = [-1, 0, 0, 0];
  let depth = 0;
  let decimals = 0;
  const tokens = /\[|\]|\.\.\.|[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)|sum/g;
  for (const [token] of body.matchAll(tokens)) {
    if (token === 'sum') break;
    if (token === '[') {
      if (++depth > 3) throw new FormatError('expected at most three nested brackets', place);
      if (depth === 1) index[0]++;
      index[depth] = 0;
    } else if (token === ']') {
      depth--;
      if (depth > 0) index[depth]++;
    } else if (token === '...') {
      index[depth] = Math.max(index[depth], sizes[3 - depth] - 3);
    } else if (depth === 3) {
      const [i3, i2, i1, i0] = index;
      if (i0 >= sizes[0] || i1 >= sizes[1] || i2 >= sizes[2] || i3 >= sizes[3]) {
        throw new FormatError(`expected at most {${sizes.join(', ')}} values, got more`, place);
      }
      const at = ((i3 * sizes[2] + i2) * sizes[1] + i1) * sizes[0] + i0;
      values[at] = numberOf(token);
      known[at] = 1;
      decimals = Math.max(decimals, token.split('.')[1]?.length ?? 0);
      index[3]++;
    }
  }
  const whole = known.every((bit) => bit === 1);
  const shape = [...sizes].reverse();
  return { shape, values, known: whole ? undefined : known, resolution: 0.5 * 10 ** -decimals };
}

function numberOf(token: string): number {
  const magnitude = token.replace(/^[-+]/, '');
  if (magnitude === 'nan') return Number.NaN;
  if (magnitude !== 'inf') return Number(token);
  return token.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
