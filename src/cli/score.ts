// `smollm2 score judge`, `train` and `apply`: labels from a large model, a scorer from them, its scores for
// others.

import { readFile } from 'node:fs/promises';
import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import { parseDocument } from '../data/pipeline/document-line.ts';
import { JUDGE_PROMPTS, type JudgePrompt } from '../data/score/judge-prompts.ts';
import { scorerReportHtml, scorerReportText } from '../data/score/report.ts';
import { decodeScorer, encodeScorer, scoreText } from '../data/score/scorer-file.ts';
import { type LabelledText, trainScorer } from '../data/score/train.ts';
import { intScore } from '../data/score/validate.ts';
import type { TextDocument } from '../data/stage.ts';
import { openJudge } from '../node/curate/judge.ts';
import { decodeUtf8, linesOf, MAX_LINE_BYTES } from '../node/curate/lines.ts';
import { writeFileWhole } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { jsonPoster } from './post-json.ts';
import { hiddenScores, trainOnHidden } from './score-hidden.ts';
import { print, Status } from './terminal.ts';

export const scoreCommand = new Command(
  'score <judge|train|apply>',
  'Have texts judged by a model, train a quality scorer on labelled texts, or apply one',
)
  .option('--jsonl', 'documents one a line from stdin; train reads their label from metadata too')
  .option('--label <name>', 'field of the label: 0 and 1, or scores of 0 to 5 (default: label)')
  .option('--loss <ridge|logistic>', 'default: logistic for 0 and 1, ridge for scores')
  .option('--scorer <file>', 'train writes it, apply reads it')
  .option('--features <ngrams|hidden>', "train: runs of characters (default), or a model's hidden states")
  .option(
    '--layers <list>',
    'train on hidden states: after how many blocks; the best is taken (8,15,19,21,24 of 30)',
  )
  .option('--html <file>', 'train: the report as a page, the calibration drawn')
  .option('--json', 'train: print the report as JSON')
  .option('--documents', 'apply: print whole documents with score and int_score, not the scores alone')
  .option('-m, --model <name>', 'hidden states: as in generate; judge: what the server is asked for')
  .option('--threads <n>', 'hidden states: threads of the engine')
  .option('--endpoint <url>', 'judge: an OpenAI-compatible server (key: OPENAI_API_KEY)')
  .option('--prompt <name>', `judge: ${Object.keys(JUDGE_PROMPTS).join(', ')}, or a file with {text} in it`)
  .option('--most <n>', 'judge: most points of a prompt of your own (default: 5)')
  .option('--cache <file>', 'judge: answers by the hash of model, prompt and text')
  .example(
    '$ smollm2 score judge --jsonl --endpoint http://localhost:8080/v1 -m qwen --prompt finemath < pages.jsonl',
  )
  .example('$ smollm2 score train --jsonl --scorer quality.json < labelled.jsonl')
  .example(
    '$ smollm2 score train --jsonl --scorer quality.json --features hidden --model 135m < labelled.jsonl',
  )
  .example('$ smollm2 score apply --jsonl --scorer quality.json < pages.jsonl')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [verb] = args.words;
  const path = args.text('scorer');
  if (!args.flag('jsonl')) throw new UsageError('--jsonl: expected, since that is the only form of score');
  if (verb === 'judge') return judge(args);
  if (path === undefined) throw new UsageError('--scorer: expected the file of the scorer');
  if (verb === 'train') return train(args, path);
  if (verb === 'apply') return apply(args, path);
  throw new UsageError(`score: expected judge, train or apply, got ${verb}`);
}

async function train(args: Arguments, path: string): Promise<void> {
  const name = args.text('label') ?? 'label';
  const texts: LabelledText[] = [];
  for await (const { place, doc } of documents()) {
    const label = doc.metadata[name];
    if (typeof label !== 'number' || !Number.isFinite(label))
      throw new FormatError(`expected a number, got ${shown(label)}`, { file: place, field: name });
    texts.push({ text: doc.text, label });
  }
  const loss = args.choice('loss', ['ridge', 'logistic']);
  const isHidden = args.choice('features', ['ngrams', 'hidden']) === 'hidden';
  const { scorer, report } = isHidden
    ? await trainOnHidden(args, new Status(), texts, loss)
    : trainScorer(texts, loss ? { loss } : {});
  await writeText(path, encodeScorer(scorer));
  const html = args.text('html');
  if (html !== undefined) await writeText(html, scorerReportHtml(report));
  await print(args.flag('json') ? `${JSON.stringify(report)}\n` : scorerReportText(report));
}

/**
 * Documents with a label, one a line; those whose answer names no points, or several, are counted and left
 * out.
 */
async function judge(args: Arguments): Promise<void> {
  const endpoint = args.text('endpoint');
  const model = args.text('model');
  if (endpoint === undefined || model === undefined) {
    throw new UsageError(
      'score judge: expected --endpoint and --model, since a judge is larger than what runs here',
    );
  }
  const { prompt, most } = await judgePrompt(args);
  const post = jsonPoster(endpoint, process.env.OPENAI_API_KEY);
  const judged = openJudge({ model, prompt, most, post, cachePath: args.text('cache') });
  const counts = { judged: 0, cached: 0, unreadable: 0 };
  for await (const { doc } of documents()) {
    const { score, isCached } = await judged(doc.text);
    counts.judged++;
    if (isCached) counts.cached++;
    if (score === null) counts.unreadable++;
    else await print(`${JSON.stringify({ ...doc.metadata, id: doc.id, text: doc.text, label: score })}\n`);
  }
  new Status().note(
    `${counts.judged} texts judged, ${counts.cached} of them before; ${counts.unreadable} answers without one score`,
  );
}

async function judgePrompt(args: Arguments): Promise<JudgePrompt> {
  const name = args.text('prompt') ?? 'finemath';
  const known = Object.hasOwn(JUDGE_PROMPTS, name) ? JUDGE_PROMPTS[name] : undefined;
  if (known) return known;
  const prompt = await readFile(name, 'utf8').catch(() => {
    throw new UsageError(
      `--prompt: expected ${Object.keys(JUDGE_PROMPTS).join(', ')} or a file, got ${name}`,
    );
  });
  if (!prompt.includes('{text}'))
    throw new FormatError('expected {text} where the text goes', { file: name });
  return { prompt, most: args.count('most') ?? 5 };
}

async function apply(args: Arguments, path: string): Promise<void> {
  const scorer = decodeScorer(await readFile(path, 'utf8'), path);
  const isWhole = args.flag('documents');
  const scored =
    'hidden' in scorer
      ? hiddenScores(args, new Status(), scorer, path, plainDocuments())
      : ngramScores((text) => scoreText(scorer, text));
  for await (const { doc, score } of scored) {
    const scores = { score, int_score: intScore(score) };
    const line = isWhole
      ? { ...doc.metadata, id: doc.id, text: doc.text, ...scores }
      : { id: doc.id, ...scores };
    await print(`${JSON.stringify(line)}\n`);
  }
}

async function* ngramScores(score: (text: string) => number) {
  for await (const doc of plainDocuments()) yield { doc, score: score(doc.text) };
}

async function* plainDocuments(): AsyncGenerator<TextDocument> {
  for await (const { doc } of documents()) yield doc;
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

async function writeText(path: string, text: string): Promise<void> {
  await writeFileWhole(path, once(new TextEncoder().encode(text)));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
