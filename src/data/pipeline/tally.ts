// What a stage did: how many documents it read, kept, changed and removed by reason, and a few of them to look at.
// Tallies of ranks and threads add up to the tally of one run: samples are chosen by the hash of the id.

import { isRemoval, type Outcome, type TextDocument } from '../stage.ts';
import { numCodePoints } from '../words/python-strings.ts';
import { hash64 } from './hash.ts';

/** Samples kept for each reason, and of documents that stay. */
export const NUM_SAMPLES = 20;
/** Characters of a sample's text. */
const SAMPLE_LENGTH = 600;

export interface Sample {
  readonly id: string;
  readonly text: string;
  readonly because?: string;
  /** Samples with the smallest hashes stay. */
  readonly hash: number;
}

export interface Tally {
  readonly name: string;
  read: number;
  kept: number;
  /** Kept with another text. */
  edited: number;
  /** Characters (code points) read, and of those kept after the stage. */
  charsRead: number;
  charsKept: number;
  /** Processor time in milliseconds, as far as one clock can tell. */
  ms: number;
  readonly removed: Record<string, number>;
  readonly samples: { kept: Sample[]; readonly removed: Record<string, Sample[]> };
}

export function emptyTally(name: string): Tally {
  const tally = { name, read: 0, kept: 0, edited: 0, charsRead: 0, charsKept: 0, ms: 0 };
  return { ...tally, removed: emptyRecord(), samples: { kept: [], removed: emptyRecord() } };
}

export function numRemoved(tally: Tally): number {
  return Object.values(tally.removed).reduce((sum, count) => sum + count, 0);
}

/** Counts one document; returns its characters afterwards, which the next stage reads. */
export function count(tally: Tally, doc: TextDocument, numChars: number, outcome: Outcome): number {
  tally.read++;
  tally.charsRead += numChars;
  if (isRemoval(outcome)) {
    const { removed: reason, because } = outcome;
    tally.removed[reason] = (tally.removed[reason] ?? 0) + 1;
    tally.samples.removed[reason] = withSample(tally.samples.removed[reason] ?? [], doc, because);
    return 0;
  }
  tally.kept++;
  const isEdited = outcome.text !== doc.text;
  if (isEdited) tally.edited++;
  const left = isEdited ? numCodePoints(outcome.text) : numChars;
  tally.charsKept += left;
  tally.samples.kept = withSample(tally.samples.kept, outcome, undefined);
  return left;
}

/** The tallies of two parts of the input as one. */
export function added(a: Tally, b: Tally): Tally {
  const removed = emptyRecord<number>();
  const samples = emptyRecord<Sample[]>();
  for (const { removed: counts, samples: found } of [a, b]) {
    for (const [reason, number] of Object.entries(counts)) removed[reason] = (removed[reason] ?? 0) + number;
    for (const [reason, list] of Object.entries(found.removed)) {
      samples[reason] = fewest([...(samples[reason] ?? []), ...list]);
    }
  }
  return {
    name: a.name,
    read: a.read + b.read,
    kept: a.kept + b.kept,
    edited: a.edited + b.edited,
    charsRead: a.charsRead + b.charsRead,
    charsKept: a.charsKept + b.charsKept,
    ms: a.ms + b.ms,
    removed,
    samples: { kept: fewest([...a.samples.kept, ...b.samples.kept]), removed: samples },
  };
}

function withSample(samples: Sample[], doc: TextDocument, because: string | undefined): Sample[] {
  const [hash] = hash64(doc.id);
  if (samples.length >= NUM_SAMPLES && hash > samples[samples.length - 1].hash) return samples;
  const text = [...doc.text.slice(0, 2 * SAMPLE_LENGTH)].slice(0, SAMPLE_LENGTH).join('');
  const sample: Sample = { id: doc.id, text, hash, ...(because === undefined ? {} : { because }) };
  return fewest([...samples, sample]);
}

/** Those of the smallest hashes; ids that come twice are told apart by their texts, so that no order decides. */
function fewest(samples: Sample[]): Sample[] {
  return samples
    .sort((a, b) => a.hash - b.hash || compared(a.id, b.id) || compared(a.text, b.text))
    .slice(0, NUM_SAMPLES);
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Reasons come from stages of others: none of them may meet `constructor`. */
function emptyRecord<Value>(): Record<string, Value> {
  return Object.create(null);
}
