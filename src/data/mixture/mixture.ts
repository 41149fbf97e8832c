// A mixture: how much of each source, and how often its documents come. Sources are measured first; then every
// document comes as often as whole epochs fit, and once more if the hash of its place is below what is left. So a draw
// needs no memory and no order, and the same recipe and seed draw the same documents.

import { hash64 } from '../pipeline/hash.ts';

export const UNITS = ['characters', 'documents', 'tokens'] as const;
/** What rates are shares of. Tokens are those that `token_count` in the metadata says. */
export type Unit = (typeof UNITS)[number];

export interface SourceDraw {
  readonly name: string;
  /** What the source holds, in the unit. */
  readonly size: number;
  /** What was asked for, and what is drawn after the limit of epochs. */
  readonly wanted: number;
  readonly drawn: number;
  /** drawn / size. */
  readonly epochs: number;
  readonly isLimited: boolean;
}

/**
 * @param wanted per source, in the unit
 * @throws RangeError for a source that is asked for and holds nothing
 */
export function planDraws(
  sources: readonly { readonly name: string; readonly size: number; readonly wanted: number }[],
  maxEpochs: number,
): SourceDraw[] {
  return sources.map(({ name, size, wanted }) => {
    if (size === 0 && wanted > 0) throw new RangeError(`${name}: expected documents, got none`);
    const drawn = Math.min(wanted, maxEpochs * size);
    return { name, size, wanted, drawn, epochs: size === 0 ? 0 : drawn / size, isLimited: drawn < wanted };
  });
}

/** Does the document at this place of its source come in this epoch (0, 1, …)? */
export function isDrawn(epochs: number, epoch: number, place: string, seed: number): boolean {
  const left = epochs - epoch;
  if (left >= 1) return true;
  if (left <= 0) return false;
  return hash64(`${seed}:${place}`)[0] / 2 ** 32 < left;
}

/** Which source comes next, so that the mixture holds all along: the one that is furthest behind its share. */
export function nextSource(drawn: readonly number[], wanted: readonly number[]): number {
  let next = -1;
  for (let s = 0; s < wanted.length; s++) {
    if (wanted[s] <= 0) continue;
    if (next < 0 || drawn[s] / wanted[s] < drawn[next] / wanted[next]) next = s;
  }
  return next;
}

/** How large a row is in the unit. @throws RangeError where the row does not say */
export function sizeOf(row: Readonly<Record<string, unknown>>, unit: Unit): number {
  if (unit === 'documents') return 1;
  if (unit === 'characters') return textLength(row);
  const metadata = (row.metadata ?? {}) as Record<string, unknown>;
  const tokens = row.token_count ?? metadata.token_count;
  if (typeof tokens === 'number' && tokens >= 0) return tokens;
  throw new RangeError('unit: expected token_count in every document for tokens; count characters instead');
}

function textLength({ text, messages }: Readonly<Record<string, unknown>>): number {
  if (typeof text === 'string') return text.length;
  if (!Array.isArray(messages)) return 0;
  return messages.reduce(
    (sum: number, { content }) => sum + (typeof content === 'string' ? content.length : 0),
    0,
  );
}
