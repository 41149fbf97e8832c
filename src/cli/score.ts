// `smollm2 score train` and `smollm2 score apply`: a scorer from labelled texts, and its scores for others.

import { readFile } from 'node:fs/promises';
import { FormatError } from '../base/errors.ts';
import { parseDocument } from '../data/pipeline/document-line.ts';
import { decodeScorer, encodeScorer, scoreText } from '../data/score/scorer-file.ts';
import { type LabelledText, scorerReportText, trainScorer } from '../data/score/train.ts';
import { intScore } from '../data/score/validate.ts';
import { decodeUtf8, linesOf, MAX_LINE_BYTES } from '../node/curate/lines.ts';
import { writeFileWhole } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { print } from './terminal.ts';

export const scoreCommand = new Command(
  'score <train|apply>',
  'Train a quality scorer on labelled texts, or apply one',
)
  .option('--jsonl', 'documents one a line from stdin; train reads their label from metadata too')
  .option('--label <name>', 'field of the label: 0 and 1, or scores of 0 to 5 (default: label)')
  .option('--loss <ridge|logistic>', 'default: logistic for 0 and 1, ridge for scores')
  .option('--scorer <file>', 'train writes it, apply reads it')
  .option('--json', 'print the report as JSON')
  .example('$ smollm2 score train --jsonl --scorer quality.json < labelled.jsonl')
  .example('$ smollm2 score apply --jsonl --scorer quality.json < pages.jsonl')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [verb] = args.words;
  const path = args.text('scorer');
  if (!args.flag('jsonl')) throw new UsageError('--jsonl: expected, since that is the only form of score');
  if (path === undefined) throw new UsageError('--scorer: expected the file of the scorer');
  if (verb === 'train') return train(args, path);
  if (verb === 'apply') return apply(path);
  throw new UsageError(`score: expected train or apply, got ${verb}`);
}

async function train(args: Arguments, path: string): Promise<void> {
  const name = args.text('label') ?? 'label';
  const texts: LabelledText[] = [];
  for await (const { place, doc } of documents()) {
    const label = doc.metadata[name];
    if (typeof label !== 'number' || !Number.isFinite(label))
      throw new FormatError(`expected a number, got ${JSON.stringify(label)}`, { file: place, field: name });
    texts.push({ text: doc.text, label });
  }
  const loss = args.choice('loss', ['ridge', 'logistic']);
  const { scorer, report } = trainScorer(texts, loss ? { loss } : {});
  await writeFileWhole(path, once(new TextEncoder().encode(encodeScorer(scorer))));
  await print(args.flag('json') ? `${JSON.stringify(report)}\n` : scorerReportText(report));
}

async function apply(path: string): Promise<void> {
  const scorer = decodeScorer(await readFile(path, 'utf8'), path);
  for await (const { doc } of documents()) {
    const score = scoreText(scorer, doc.text);
    await print(`${JSON.stringify({ id: doc.id, score, int_score: intScore(score) })}\n`);
  }
}

async function* documents() {
  let number = 0;
  for await (const { bytes } of linesOf(process.stdin)) {
    const place = `stdin:${++number}`;
    if (!bytes)
      throw new FormatError(`expected a line of at most ${MAX_LINE_BYTES} bytes, got more`, { file: place });
    yield { place, doc: parseDocument(decodeUtf8(bytes).text, place, String(number - 1)) };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
