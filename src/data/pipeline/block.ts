// A block of documents through the stages of one phase. Blocks are what readers make, threads share and writers take:
// lines of JSON, or rows of another format, with the place of the first. What a block becomes depends on nothing but
// the block, so that any number of threads gives the same output; what is counted is added to the tallies of the
// thread.

import { FormatError } from '../../base/errors.ts';
import { type GroupStage, isRemoval, type Outcome, type Stage, type TextDocument } from '../stage.ts';
import { numCodePoints } from '../words/python-strings.ts';
import {
  asPlainNumber,
  documentLine,
  documentOf,
  MAX_TEXT_LENGTH,
  parseDocument,
  wellFormed,
} from './document-line.ts';
import { hash64 } from './hash.ts';
import { count, emptyTally, type Tally } from './tally.ts';

export interface Block {
  /** Where the rows come from, for ids and errors. */
  readonly file: string;
  readonly firstRow: number;
  /** Lines of JSON as text (undefined: too long to be kept), or parsed rows. */
  readonly rows: readonly (string | undefined | Readonly<Record<string, unknown>>)[];
  /** Lines whose bytes were no UTF-8. */
  readonly numRepaired: number;
  /** For the decision of a group stage: hashes of keys that are taken, by row of this block. */
  readonly taken?: ReadonlyMap<number, readonly string[]>;
}

export interface BlockResult {
  /** Lines of JSON of the documents that stay. */
  readonly kept: string[];
  /** By number of the stage: lines of those that go, with the reason. */
  readonly removed: readonly string[][];
  /** Two numbers an id. */
  readonly idHashes: number[];
  readonly numRepaired: number;
  /** For the group stage that comes after this phase: id and hashes of keys of each document kept. */
  readonly keys: { readonly id: string; readonly keys: readonly string[] }[];
}

/** The stages between two groupings, with the ends that touch them. */
export interface Phase {
  /** Decides first, on what the phase before grouped. */
  readonly decides: GroupStage | undefined;
  readonly stages: readonly Stage[];
  /** Whose keys the documents that stay are asked for. */
  readonly groups: GroupStage | undefined;
}

/** Name of the stage that stands for reading: what is no document is removed there. */
export const READER = 'reader';

/** The reader, or the group stage that decides first, and every stage, with nothing counted. */
export function emptyTallies(phase: Phase): Tally[] {
  return [{ name: phase.decides?.name ?? READER }, ...phase.stages].map(({ name }) => emptyTally(name));
}

/** @param tallies of this phase, to which the block is added */
export function runBlock(block: Block, phase: Phase, tallies: Tally[], now: () => number): BlockResult {
  const result: BlockResult = {
    kept: [],
    removed: tallies.map(() => []),
    idHashes: [],
    numRepaired: block.numRepaired,
    keys: [],
  };
  block.rows.forEach((row, i) => runRow(block, row, i, phase, tallies, result, now));
  return result;
}

function runRow(
  block: Block,
  row: Block['rows'][number],
  i: number,
  phase: Phase,
  tallies: Tally[],
  result: BlockResult,
  now: () => number,
): void {
  const { doc, outcome: first } = readRow(block, row, i, phase);
  if (!phase.decides) result.idHashes.push(...hash64(doc.id));
  let numChars = numCodePoints(doc.text);
  let current = doc;
  let outcome = first;
  for (let s = 0; ; s++) {
    numChars = count(tallies[s], current, numChars, outcome);
    if (isRemoval(outcome)) {
      result.removed[s].push(removalLine(current, outcome, tallies[s].name));
      return;
    }
    current = outcome;
    if (s === phase.stages.length) break;
    const start = now();
    outcome = phase.stages[s].apply(current);
    tallies[s + 1].ms += now() - start;
  }
  result.kept.push(documentLine(current));
  if (phase.groups) {
    const keys = phase.groups.keys(current).map(keyHash);
    result.keys.push({ id: current.id, keys: [...new Set(keys)] });
  }
}

/** The document of a row and what the reader, or the group stage before this phase, says of it. */
function readRow(
  block: Block,
  row: Block['rows'][number],
  i: number,
  phase: Phase,
): { doc: TextDocument; outcome: Outcome } {
  const place = `${block.file}:${block.firstRow + i + 1}`;
  const id = `${block.file}/${block.firstRow + i}`;
  let read: TextDocument;
  try {
    if (row === undefined) throw new FormatError('expected a shorter line', { file: place });
    read = typeof row === 'string' ? parseDocument(row, place, id) : documentOf(row, place, id);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // A row of another format as JSON: what is removed is kept, whatever its columns are called.
    const text = typeof row === 'object' ? JSON.stringify(row, asPlainNumber) : (row ?? '');
    const removed = row === undefined ? 'too_long_line' : 'bad_line';
    return { doc: { id, text, metadata: {} }, outcome: { removed, because: error.message } };
  }
  if (read.text.length > MAX_TEXT_LENGTH) {
    const because = `${read.text.length} units, at most ${MAX_TEXT_LENGTH} are read`;
    return { doc: read, outcome: { removed: 'too_long_text', because } };
  }
  const doc = { ...read, id: wellFormed(read.id), text: wellFormed(read.text) };
  if (!phase.decides) return { doc, outcome: doc };
  const taken = new Set(block.taken?.get(i) ?? []);
  return { doc, outcome: phase.decides.decide(doc, (key) => taken.has(keyHash(key))) };
}

function removalLine(
  doc: TextDocument,
  outcome: { removed: string; because?: string },
  stage: string,
): string {
  const { removed, because } = outcome;
  const metadata = {
    ...doc.metadata,
    removed_by: stage,
    filter_reason: removed,
    ...(because && { because }),
  };
  return documentLine({ ...doc, metadata });
}

/** 16 hexadecimal digits. */
export function keyHash(key: string): string {
  const [low, high] = hash64(key);
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}
