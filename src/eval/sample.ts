// One line of a result file: a question, what the model made of it, and its scores. Two runs are compared,
// and a stopped run is taken up again, by these lines.

import { FormatError } from '../base/errors.ts';
import type { Scores, Style } from './task.ts';

/** What a whole run holds fixed; every line repeats it, so that a file says what it is. */
export interface RunSettings {
  readonly model: string;
  readonly style: Style;
  readonly chat: boolean;
  readonly seed: number;
  /** What computed it, such as `wasm fast` or `server`, where that is known. */
  readonly engine?: string;
}

export interface Sample extends RunSettings {
  readonly task: string;
  /** Place in the data file's order, from 0. */
  readonly row: number;
  readonly shots: number;
  /** Σ ln p of each choice; of the one target or text otherwise. */
  readonly loglikelihood?: readonly number[];
  /** What the model wrote. */
  readonly output?: string;
  /** Index of the choice, or what was read out of the output. */
  readonly chosen: number | string | null;
  readonly gold: number | string;
  readonly scores: Scores;
}

/** Key of a sample within a run. */
export function sampleKey(sample: { readonly task: string; readonly row: number }): string {
  return `${sample.task} ${sample.row}`;
}

/** A line with its keys in a fixed order, so that equal runs give equal files. */
export function lineOf(sample: Sample): string {
  const { task, row, model, engine, style, chat, shots, seed } = sample;
  const { loglikelihood, output, chosen, gold, scores } = sample;
  const answer = { loglikelihood, output, chosen, gold, scores };
  return `${JSON.stringify({ task, row, ...answer, style, shots, seed, chat, model, engine })}\n`;
}

/**
 * Samples of a result file. A last line without its end is what an interruption leaves, and is not read.
 *
 * @returns the samples, and the number of bytes of whole lines
 * @throws FormatError for a whole line that is no sample
 */
export function parseSamples(file: string, text: string): { samples: Sample[]; wholeBytes: number } {
  const samples: Sample[] = [];
  let offset = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    samples.push(parseSample(line, { file, field: `line ${samples.length + 1}`, offset }));
    offset += new TextEncoder().encode(line).length + 1;
  }
  return { samples, wholeBytes: offset };
}

function parseSample(line: string, place: { file: string; field: string; offset: number }): Sample {
  let sample: Partial<Sample> | null;
  try {
    sample = JSON.parse(line);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, place);
  }
  const isSample =
    typeof sample?.task === 'string' &&
    Number.isInteger(sample.row) &&
    typeof sample.scores === 'object' &&
    sample.scores !== null &&
    (sample.loglikelihood === undefined || Array.isArray(sample.loglikelihood));
  if (!isSample) throw new FormatError('expected a sample with task, row and scores', place);
  return sample as Sample;
}
