// Two conversations of one model, opened, asked, interrupted and closed in random orders: none may hear of the other.

import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import type { GeneratedToken, GenerationResult } from '../../src/generate/generate.ts';
import type { Session } from '../../src/generate/session.ts';
import { load } from '../../src/node/index.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const folder = makeTinyFolder('gqa');
const smol = await load(folder, { threads: 1 });
afterAll(async () => {
  await smol.close();
  rmSync(folder, { recursive: true });
});

const ORDERS = 1000;
const STEPS = 12;
const options = { maxTokens: 4, ignoreEos: true };
const QUESTIONS = ['Hi', 'Why?', 'A longer question', '7 + 5'];

/** Of each question the ids that the model answers with when it is asked nothing else. */
const alone: number[][] = [];
for (const question of QUESTIONS) alone.push((await smol.answer(question, options)).ids as number[]);

type Answer = AsyncGenerator<GeneratedToken, GenerationResult>;

/** A conversation and, while one is being generated, its answer with the ids so far. */
interface Slot {
  session?: Session;
  isClosed?: boolean;
  answer?: { stream: Answer; question: number; ids: number[] };
}

/** Takes one token of the answer; at its end it must be the one alone, or the beginning of it if it was cut off. */
async function advance(slot: Slot): Promise<void> {
  const { stream, question, ids } = slot.answer!;
  const step = await stream.next();
  if (!step.done) {
    ids.push(step.value.id);
    return;
  }
  slot.answer = undefined;
  const { finishReason } = step.value;
  expect(finishReason).toBe(slot.isClosed && ids.length < options.maxTokens ? 'abort' : 'length');
  expect(ids).toEqual(alone[question].slice(0, ids.length));
  if (finishReason === 'length') expect(ids).toEqual(alone[question]);
}

async function act(slot: Slot, action: number, question: number): Promise<void> {
  const { session } = slot;
  if (!session || (slot.isClosed && !slot.answer && action === 0)) {
    Object.assign(slot, { session: smol.session(), isClosed: false });
  } else if (action === 1) {
    session.close();
    session.close();
    slot.isClosed = true;
  } else if (slot.answer) {
    await advance(slot);
  } else if (slot.isClosed) {
    await expect(session.chat(QUESTIONS[question], options).next()).rejects.toThrow(
      /got one that was closed/,
    );
  } else {
    slot.answer = { stream: session.chat(QUESTIONS[question], options), question, ids: [] };
    await advance(slot);
  }
}

describe('two conversations', () => {
  it(`in ${ORDERS} random orders of open, chat, close: every answer is the one alone, use after close throws`, async () => {
    const random = Rng.fromSeed(7);
    const below = (n: number) => Math.floor(random.next() * n);
    let numAnswers = 0;
    for (let order = 0; order < ORDERS; order++) {
      const slots: Slot[] = [{}, {}];
      for (let step = 0; step < STEPS; step++) {
        const slot = slots[below(2)];
        const before = slot.answer;
        // Closing is one action of six, so that most answers end.
        await act(slot, below(6), below(QUESTIONS.length));
        if (before && !slot.answer) numAnswers++;
      }
      for (const slot of slots) {
        while (slot.answer) await advance(slot);
        slot.session?.close();
      }
    }
    expect(numAnswers).toBeGreaterThan(ORDERS / 2);
  });

  it('sixteen answers at once beside a prompt as long as the context equal those alone', async () => {
    const nano = await load('nano', { threads: 2 });
    const questions = Array.from({ length: 16 }, (_, n) => 'To be or not to be, '.slice(0, n + 4));
    const ids = async (question: string) => {
      const found: number[] = [];
      for await (const { id } of nano.generate(question, { ...options, maxTokens: 12 })) found.push(id);
      return found;
    };
    const expected: number[][] = [];
    for (const question of questions) expected.push(await ids(question));
    const length = nano.model.maxSeqLen - 12;
    const long = Array.from({ length }, (_, t) => 3 + ((t * 37) % 500));
    const longAlone = await nano.model.forward(long, nano.model.newCache());
    const together = await Promise.all([
      nano.model.forward(long, nano.model.newCache()),
      ...questions.map(ids),
    ]);
    expect(together[0]).toEqual(longAlone);
    expect(together.slice(1)).toEqual(expected);
    await nano.close();
  });
});
