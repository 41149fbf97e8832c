// `smollm2 curate stage NAME --jsonl`: one stage as a filter between other programs. For each line of stdin one line on
// stdout, in order: `{"id", "removed": null or the reason, "text" where it changed}` and, by name, what the stage added
// to the metadata. Whoever pipes through it can count lines: nothing is lost without an exit code.

import { FormatError } from '../base/errors.ts';
import { parseDocument } from '../data/pipeline/document-line.ts';
import { isGroupStage, isRemoval, type Outcome, type Stage, type TextDocument } from '../data/stage.ts';
import { decodeUtf8, linesOf, MAX_LINE_BYTES } from '../node/curate/lines.ts';
import { fileResources, nodeStageKind } from '../node/curate/stage-table.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { stageOptionsOf } from './stage-options.ts';
import { print } from './terminal.ts';

/** Lines are handed on in pieces of about this size, in UTF-16 units. */
const FLUSH_AT = 1 << 16;

export async function runStage(args: Arguments, name: string): Promise<void> {
  if (!args.flag('jsonl')) {
    throw new UsageError('--jsonl: expected, since that is the only form of stage; one document a line');
  }
  const keepsBadLines = (args.choice('badLines', ['fail', 'keep']) ?? 'fail') === 'keep';
  const kind = nodeStageKind(name);
  const stage = await kind.create(stageOptionsOf(args, kind), fileResources);
  if (isGroupStage(stage)) {
    throw new UsageError(`${name}: expected a stage that judges each document alone; run it in a recipe`);
  }
  let pending = '';
  let number = 0;
  try {
    for await (const { bytes } of linesOf(process.stdin)) {
      number++;
      pending += `${answerTo(bytes, number, stage, keepsBadLines)}\n`;
      if (pending.length < FLUSH_AT) continue;
      await print(pending);
      pending = '';
    }
  } finally {
    // What came before a bad line has been decided, and is handed on.
    await print(pending);
  }
}

function answerTo(
  bytes: Uint8Array | undefined,
  number: number,
  stage: Stage,
  keepsBadLines: boolean,
): string {
  let doc: TextDocument;
  try {
    if (!bytes) {
      const problem = `expected a line of at most ${MAX_LINE_BYTES} bytes, got more`;
      throw new FormatError(problem, { file: `stdin:${number}` });
    }
    doc = parseDocument(decodeUtf8(bytes).text, `stdin:${number}`, String(number - 1));
  } catch (error) {
    if (!keepsBadLines) throw error;
    return JSON.stringify({ id: null, removed: 'bad_line', because: (error as Error).message });
  }
  return JSON.stringify(answer(doc, stage.apply(doc)));
}

function answer(doc: TextDocument, outcome: Outcome): Record<string, unknown> {
  if (isRemoval(outcome)) return { id: doc.id, ...outcome };
  const { text, metadata } = outcome;
  const added = Object.entries(metadata).filter(
    ([name, value]) => doc.metadata[name] !== value && !['id', 'removed', 'text'].includes(name),
  );
  const changed = text === doc.text ? {} : { text };
  return { id: doc.id, removed: null, ...changed, ...Object.fromEntries(added) };
}
