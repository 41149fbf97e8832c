// From rows to questions: documents, their few-shot examples as each harness draws them, and the final
// prompts. No model and no tokenizer: what comes out of here is what the pinned request hashes are made of.

import type { GuardedText } from '../chat/guard.ts';
import type { TextMessage } from '../chat/message.ts';
import { PythonRandom } from './python-random.ts';
import type { Row } from './rows.ts';
import type { Doc, Style, Task } from './task.ts';

/** How a text is read that a chat template wrote: what rows brought with it is plain text, whatever it looks like. */
export interface ChatReading {
  readonly addBos: false;
  readonly mark?: string;
}

/** A text and what may follow it. */
export interface Request {
  readonly context: string;
  readonly continuation: string;
  readonly reading?: ChatReading;
}

/** A row, ready to be asked. */
export interface Question {
  readonly row: Row;
  readonly doc: Doc;
  /** Prompt for tasks that write; context of the requests otherwise. */
  readonly context: string;
  readonly reading?: ChatReading;
  /** One per choice, or one for the target; none for tasks that write. */
  readonly requests: readonly Request[];
}

export interface QuestionOptions {
  readonly style: Style;
  /** Few-shot examples in front of every question; the task's own number by default. */
  readonly shots?: number;
  /** Seed of the shuffle and of the drawn shots; both harnesses use 42. */
  readonly seed?: number;
  /** Renders turns with the model's chat template, ready for the assistant's answer. */
  readonly renderChat?: (messages: readonly TextMessage[]) => Promise<GuardedText>;
}

/** The order in which both harnesses visit documents: `random.Random(seed).shuffle`. */
export function shuffledIndices(count: number, random: PythonRandom): number[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  random.shuffle(indices);
  return indices;
}

/**
 * Questions of every row, in the file's order.
 *
 * @param pool  rows that shots are drawn from; needed when there are shots
 */
export async function buildQuestions(
  task: Task,
  rows: readonly Row[],
  pool: readonly Row[],
  options: QuestionOptions,
): Promise<Question[]> {
  const { style, shots = task.shots, seed = 42 } = options;
  const isSame = task.pool === 'same';
  const questions: Question[] = [];
  const places = new Map(rows.map((row, place) => [row, place]));
  for (const [group, members] of byGroup(task, rows)) {
    const docs = members.map((row) => task.doc(row, style));
    const groupPool = task.group ? pool.filter((row) => task.group!(row) === group) : pool;
    const poolDocs = isSame ? docs : groupPool.map((row) => task.doc(row, style));
    if (shots > 0 && poolDocs.length < shots + Number(isSame)) {
      throw new RangeError(`shots: ${task.name} has a pool of ${poolDocs.length} examples, got ${shots}`);
    }
    const random = new PythonRandom(seed);
    const order = shuffledIndices(members.length, random);
    const draw = shots > 0 ? shotDrawer(task, poolDocs, shots, style, random) : () => [];
    for (const index of order) {
      const row = members[index];
      questions[places.get(row)!] = await buildQuestion(task, row, docs[index], draw(docs[index]), options);
    }
  }
  return questions;
}

function byGroup(task: Task, rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = task.group?.(row) ?? '';
    const members = groups.get(name);
    if (members) members.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

/** Gives the shots of each document in turn; drawing at random moves the shared generator on. */
function shotDrawer(
  task: Task,
  pool: readonly Doc[],
  shots: number,
  style: Style,
  random: PythonRandom,
): (doc: Doc) => readonly Doc[] {
  const isSame = task.pool === 'same';
  const without = (drawn: readonly Doc[], doc: Doc) => drawn.filter((shot) => shot !== doc).slice(0, shots);
  if (task.shotChoice === 'random' || (style === 'lm-eval' && task.shotChoice === 'balanced')) {
    return (doc) => without(random.sample(pool, shots + Number(isSame)), doc);
  }
  const fixed = task.shotChoice === 'balanced' ? balancedShots(pool, shots) : pool;
  return (doc) => without(fixed, doc);
}

/**
 * lighteval's balanced choice: labels by falling frequency, ties shuffled, then one document of each label in
 * turn until there is one more than asked for (so that the document under test can be left out).
 */
export function balancedShots(pool: readonly Doc[], shots: number): Doc[] {
  const random = new PythonRandom(0);
  const byLabel = new Map<string, Doc[]>();
  for (const doc of pool) byLabel.set(doc.target, [...(byLabel.get(doc.target) ?? []), doc]);
  const labels = [...byLabel.keys()].sort(compareCodePoints);
  const counts = [...new Set(labels.map((label) => byLabel.get(label)!.length))].sort((a, b) => b - a);
  const ordered = counts.flatMap((count) => {
    const tied = labels.filter((label) => byLabel.get(label)!.length === count);
    random.shuffle(tied);
    return tied;
  });
  const chosen: Doc[] = [];
  const wanted = Math.min(pool.length, shots + 1);
  for (let turn = 0; chosen.length < wanted; turn++) {
    const members = byLabel.get(ordered[turn % ordered.length])!;
    if (members.length > 0) chosen.push(...members.splice(random.below(members.length), 1));
  }
  return chosen;
}

/** Python's order of strings: by code point, where JavaScript's goes by UTF-16 unit. */
function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0)! - right[i].codePointAt(0)!;
  }
  return left.length - right.length;
}

async function buildQuestion(
  task: Task,
  row: Row,
  doc: Doc,
  shots: readonly Doc[],
  options: QuestionOptions,
): Promise<Question> {
  const promptFor = (query: string) => promptOf(doc.instruction ?? '', query, shots, options);
  const prompt = await promptFor(doc.query);
  if (task.kind === 'choice') {
    const prompts = doc.queries && (await Promise.all(doc.queries.map(promptFor)));
    const requests = doc.choices!.map((continuation, i) => ({ ...(prompts?.[i] ?? prompt), continuation }));
    return { row, doc, ...prompt, requests };
  }
  const requests = task.kind === 'target' ? [{ ...prompt, continuation: doc.target }] : [];
  return { row, doc, ...prompt, requests };
}

async function promptOf(
  instruction: string,
  query: string,
  shots: readonly Doc[],
  options: QuestionOptions,
): Promise<Pick<Question, 'context' | 'reading'>> {
  if (!options.renderChat) {
    const turns = [...shots.map((shot) => shot.query + shot.target), query];
    return { context: instruction + turns.join('\n\n') };
  }
  const messages: TextMessage[] = [];
  for (const shot of shots) {
    messages.push({ role: 'user', content: shot.query }, { role: 'assistant', content: shot.target });
  }
  messages.push({ role: 'user', content: query });
  messages[0] = { ...messages[0], content: instruction + messages[0].content };
  const { text, mark } = await options.renderChat(messages);
  return { context: text, reading: { addBos: false, ...(mark !== undefined && { mark }) } };
}
