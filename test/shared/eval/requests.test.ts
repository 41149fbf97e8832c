// Every prompt of every benchmark against hashes that two other harnesses' authors and readers pinned, and
// the scores of lm-eval's seeded random scorer: proof of prompts, order, labels and metrics without any
// model.

import { describe, expect, it } from 'vitest';
import { argmax } from '../../../src/base/argmax.ts';
import { bootstrapStandardError, mean, standardErrorOfMean } from '../../../src/eval/metrics.ts';
import { PythonRandom } from '../../../src/eval/python-random.ts';
import { buildQuestions, type Question, shuffledIndices } from '../../../src/eval/questions.ts';
import { choiceLengths, movedBlanks } from '../../../src/eval/scoring.ts';
import type { Style } from '../../../src/eval/task.ts';
import { tasksNamed } from '../../../src/eval/task-list.ts';
import { evalRows, evalText, pythonJson, sha256 } from '../eval-files.ts';

const questionsOf = (name: string, style: Style, shots: number): Promise<Question[]> => {
  const [task] = tasksNamed([name]);
  return buildQuestions(task, evalRows(task.dataset), shots > 0 ? evalRows(task.pool) : [], { style, shots });
};

interface Pinned {
  request_kind: 'loglikelihood' | 'greedy_until';
  sha256: string;
  results: Record<string, Record<string, number>>;
}
interface LightevalPinned {
  docs: number;
  pairs: number;
  sha256: string;
  gold_sha256: string;
}
const pinnedLmEval = (): Record<string, Pinned> => JSON.parse(evalText('derived/lm_eval_pinned.json')).tasks;

const MATH_TYPES: Record<string, string> = {
  math_algebra: 'Algebra',
  math_counting_and_prob: 'Counting & Probability',
  math_geometry: 'Geometry',
  math_intermediate_algebra: 'Intermediate Algebra',
  math_num_theory: 'Number Theory',
  math_prealgebra: 'Prealgebra',
  math_precalc: 'Precalculus',
};

/**
 * Questions of one pinned task, in lm-eval's order: the rows of its subject or type, shuffled by
 * `Random(42)`.
 */
async function shuffledQuestions(pinnedName: string): Promise<Question[]> {
  const base = pinnedName.replace(/-v\d$/, '');
  const subject = /^hendrycksTest-(.*)$/.exec(base)?.[1];
  const type = MATH_TYPES[base];
  const ours = subject ? 'mmlu' : type ? 'math' : (OUR_NAMES[base] ?? base);
  let questions = await cached(ours);
  if (subject) questions = questions.filter((question) => question.row.text('subject') === subject);
  if (type) questions = questions.filter((question) => question.row.text('type') === type);
  return shuffledIndices(questions.length, new PythonRandom(42)).map((index) => questions[index]);
}
const OUR_NAMES: Record<string, string> = {
  arc_easy: 'arc:easy',
  arc_challenge: 'arc:challenge',
  openbookqa: 'openbook_qa:test',
  lambada_openai: 'lambada',
};
const cache = new Map<string, Promise<Question[]>>();
function cached(name: string): Promise<Question[]> {
  const known = cache.get(name) ?? questionsOf(name, 'lm-eval', 0);
  cache.set(name, known);
  return known;
}

/** The stop text of the 0.3 line, which is part of the hashed requests. */
const UNTIL = ['\n'];

/** The 0.3 line asks for LAMBADA's likelihood and for its greediness in two equal requests a document. */
const LAMBADA_REPEATS = 2;

/** HellaSwag's file here is a reading by somebody else. */
const HAS_OTHER_TEXT = /^hellaswag/;

describe('requests', () => {
  it.each(Object.entries(pinnedLmEval()).filter(([name]) => !HAS_OTHER_TEXT.test(name)))(
    'of %s are those that lm-evaluation-harness pinned, and the random scorer gets its scores',
    async (name, pinned) => {
      const questions = await shuffledQuestions(name);
      const repeats = name.startsWith('lambada') ? LAMBADA_REPEATS : 1;
      const requests =
        pinned.request_kind === 'greedy_until'
          ? questions.map(({ context }) => [context, UNTIL])
          : questions
              .flatMap((question) => question.requests)
              .flatMap(({ context, continuation }) => Array(repeats).fill([context, continuation]));
      expect(sha256(pythonJson(requests))).toBe(pinned.sha256);
      if (pinned.request_kind === 'loglikelihood') expectRandomScores(questions, pinned);
    },
  );

  const lighteval: Record<string, LightevalPinned> = JSON.parse(evalText('derived/lighteval_pairs.json'));
  const lightevalNames: Record<string, string> = {
    arc_easy: 'arc:easy',
    arc_challenge: 'arc:challenge',
    'openbook_qa(validation)': 'openbook_qa',
    mmlu_cloze: 'mmlu',
  };
  it.each(Object.entries(lighteval))('of %s are those derived from lighteval', async (name, pinned) => {
    const questions = await questionsOf(lightevalNames[name] ?? name, 'lighteval', 0);
    const pairs = questions.flatMap((question) => question.requests.map(movedBlanks));
    expect(questions).toHaveLength(pinned.docs);
    expect(pairs).toHaveLength(pinned.pairs);
    expect(sha256(pairs.map((pair) => `${pair.context}\0${pair.continuation}\x01`).join(''))).toBe(
      pinned.sha256,
    );
    expect(sha256(questions.map((question) => question.doc.gold).join(','))).toBe(pinned.gold_sha256);
  });

  it('of GSM8K hold the five shots that random.Random(42) draws for each of 1,319 questions', async () => {
    const questions = await questionsOf('gsm8k', 'lighteval', 5);
    const lines = evalText('derived/gsm8k_5shot.jsonl').trim().split('\n');
    const prompts: { test_row: number; prompt_sha256: string }[] = lines.map((line) => JSON.parse(line));
    expect(prompts).toHaveLength(1319);
    for (const { test_row, prompt_sha256 } of prompts) {
      expect(sha256(questions[test_row].context), `row ${test_row}`).toBe(prompt_sha256);
    }
  });

  it('of HellaSwag agree with the OLMES clean-up in all of its 1,000 rows', async () => {
    const olmes = evalRows({ file: 'hellaswag.val.olmes1000.jsonl' });
    const folded = (text: string) => text.replace(/\.+/g, '.').replace(/\s+/g, ' ').trim();
    const queries = new Set(
      (await questionsOf('hellaswag', 'lm-eval', 0)).map(({ context }) => folded(context)),
    );
    const missing = olmes.filter((row) => !queries.has(folded(row.text('query'))));
    expect(missing.map((row) => row.index)).toEqual([]);
  });
});

function expectRandomScores(questions: readonly Question[], pinned: Pinned): void {
  const random = new PythonRandom(42);
  const [results] = Object.values(pinned.results);
  const lls = questions.map(({ requests }) =>
    requests.map(() => {
      const ll = -random.random();
      if ('ppl' in results) random.random();
      return ll;
    }),
  );
  if ('ppl' in results) {
    const ppl = (items: readonly number[]) => Math.exp(-mean(items));
    expect(ppl(lls.flat())).toBeCloseTo(results.ppl, 10);
    expect(bootstrapStandardError(lls.flat(), ppl, 10)).toBeCloseTo(results.ppl_stderr, 10);
    return;
  }
  const acc = questions.map(({ doc }, i) => Number(argmax(lls[i]) === doc.gold));
  const accNorm = questions.map(({ doc }, i) => {
    const lengths = choiceLengths(doc.choices!);
    return Number(argmax(lls[i].map((ll, c) => ll / lengths[c])) === doc.gold);
  });
  expect(mean(acc)).toBeCloseTo(results.acc, 12);
  expect(standardErrorOfMean(acc)).toBeCloseTo(results.acc_stderr, 12);
  if (!('acc_norm' in results)) return;
  expect(mean(accNorm)).toBeCloseTo(results.acc_norm, 12);
  expect(standardErrorOfMean(accNorm)).toBeCloseTo(results.acc_norm_stderr, 12);
}
