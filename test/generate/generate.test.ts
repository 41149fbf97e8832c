import { describe, expect, it } from 'vitest';
import { ContextOverflowError, EngineError } from '../../src/base/errors.ts';
import type { GeneratedToken, GenerateOptions, GenerationResult } from '../../src/generate/generate.ts';
import { generate } from '../../src/generate/generate.ts';
import { answering, FAKE_EOS, FakeModel, fakeTokenizer, hashing, winner } from '../support/fake-model.ts';

async function collect(answer: AsyncGenerator<GeneratedToken, GenerationResult>) {
  const tokens: GeneratedToken[] = [];
  for (;;) {
    const step = await answer.next();
    if (step.done) return { tokens, result: step.value, shown: tokens.map((token) => token.text).join('') };
    tokens.push(step.value);
  }
}

function ask(model: FakeModel, prompt: string, options: GenerateOptions = {}) {
  return collect(generate(model, fakeTokenizer, fakeTokenizer.encode(prompt), options));
}

describe('generate', () => {
  it('yields each token and the end, and returns text, ids and usage without the end', async () => {
    const model = new FakeModel(answering('hello'));
    const { tokens, result, shown } = await ask(model, 'say>');
    expect(tokens.map((token) => token.id)).toEqual([...fakeTokenizer.encode('hello'), FAKE_EOS]);
    expect(shown).toBe('hello');
    expect(result).toMatchObject({ text: 'hello', finishReason: 'stop', stoppedBy: FAKE_EOS });
    expect(result.ids).toEqual(fakeTokenizer.encode('hello'));
    expect(result.usage).toEqual({ promptTokens: 4, completionTokens: 5, totalTokens: 9, cachedTokens: 0 });
    expect(result.timings.promptMs).toBeGreaterThan(0);
    expect(model.numCaches).toBe(0);
  });

  it('runs the prompt once and then one id a pass, and not the last one', async () => {
    const model = new FakeModel(answering('hello'));
    await ask(model, 'say>', { maxTokens: 3 });
    expect(model.passes.map((ids) => String.fromCharCode(...ids))).toEqual(['say>', 'h', 'e']);
  });

  it('stops at maxTokens with the reason length, at 256 tokens without one', async () => {
    const endless = () => new FakeModel(() => winner(65));
    const { result } = await ask(endless(), 'say>', { maxTokens: 7 });
    expect(result).toMatchObject({ text: 'AAAAAAA', finishReason: 'length', stoppedBy: undefined });
    const model = endless();
    Object.assign(model.config, { maxSeqLen: 1000 });
    expect((await ask(model, 'say>')).result.ids).toHaveLength(256);
  });

  it('goes on after the end with ignoreEos, and stops at ids of the caller', async () => {
    const { result } = await ask(new FakeModel(answering('ab')), 'x>', { ignoreEos: true, maxTokens: 4 });
    expect(result.ids).toEqual([97, 98, FAKE_EOS, FAKE_EOS]);
    const stopped = await ask(new FakeModel(answering('abcd')), 'x>', { stopIds: [99] });
    expect(stopped.result).toMatchObject({ text: 'ab', finishReason: 'stop', stoppedBy: 99 });
  });

  it('ends at the ids of the config too, where the tokenizer knows none', async () => {
    const prompt = fakeTokenizer.encode('x>');
    const ids = await collect(
      generate(new FakeModel(answering('ab')), { ...fakeTokenizer, eosIds: [] }, prompt),
    );
    expect(ids.result).toMatchObject({ text: 'ab', finishReason: 'stop', stoppedBy: FAKE_EOS });
  });

  it('ends before a stop string of three tokens and shows none of it', async () => {
    const { shown, result } = await ask(new FakeModel(answering('one two END three')), '>', {
      stop: ['END'],
    });
    expect(shown).toBe('one two ');
    expect(result).toMatchObject({ text: 'one two ', finishReason: 'stop', stoppedBy: 'END' });
    expect(String.fromCharCode(...result.ids)).toBe('one two END');
  });

  it('shows what was held back for a stop string that never came', async () => {
    const { shown, tokens } = await ask(new FakeModel(answering('an EN')), '>', { stop: ['END'] });
    expect(shown).toBe('an EN');
    expect(tokens.map((token) => token.text)).toEqual(['a', 'n', ' ', '', '', 'EN']);
    const cut = await ask(new FakeModel(answering('an END')), '>', { stop: ['END'], maxTokens: 5 });
    expect(cut.shown).toBe('an EN');
  });

  it('repeats itself for one seed and names a random one', async () => {
    const options = { temperature: 1, maxTokens: 12, ignoreEos: true };
    const first = await ask(new FakeModel(hashing), 'x', { ...options, seed: 5 });
    const again = await ask(new FakeModel(hashing), 'x', { ...options, seed: 5 });
    const other = await ask(new FakeModel(hashing), 'x', { ...options, seed: 6 });
    expect(again.result.ids).toEqual(first.result.ids);
    expect(other.result.ids).not.toEqual(first.result.ids);
    const random = await ask(new FakeModel(hashing), 'x', options);
    const replayed = await ask(new FakeModel(hashing), 'x', { ...options, seed: random.result.seed });
    expect(replayed.result.ids).toEqual(random.result.ids);
  });

  it('gives log-probabilities of the model only when asked: the winner of 128 with logit 9', async () => {
    const plain = await ask(new FakeModel(() => winner(70)), 'x', { maxTokens: 1 });
    expect(plain.tokens[0]).not.toHaveProperty('logprob');
    const { tokens } = await ask(new FakeModel(() => winner(70)), 'x', { maxTokens: 1, logprobs: 3 });
    const normaliser = Math.log(Math.exp(9) + 127);
    expect(tokens[0].logprob).toBeCloseTo(9 - normaliser, 13);
    expect(tokens[0].topLogprobs?.map((top) => top.id)).toEqual([70, 0, 1]);
    expect(tokens[0].topLogprobs?.[1].logprob).toBeCloseTo(-normaliser, 13);
  });
});

describe('generate and its signal', () => {
  it('ends with the reason abort when the signal comes after three tokens', async () => {
    const controller = new AbortController();
    const model = new FakeModel(() => winner(66));
    const answer = generate(model, fakeTokenizer, [62], { signal: controller.signal });
    for (let n = 0; n < 3; n++) await answer.next();
    controller.abort();
    const end = await answer.next();
    expect(end).toMatchObject({ done: true, value: { finishReason: 'abort', text: 'BBB' } });
    expect(model.numCaches).toBe(0);
  });

  it('ends in the middle of a prompt of 40 ids without running the rest', async () => {
    const controller = new AbortController();
    const model = new FakeModel(() => winner(66));
    const options: GenerateOptions = {
      signal: controller.signal,
      onPromptProgress: (done) => done === 10 && controller.abort(),
    };
    const { result, tokens } = await collect(generate(model, fakeTokenizer, new Array(40).fill(65), options));
    expect(tokens).toEqual([]);
    expect(result).toMatchObject({ finishReason: 'abort', text: '' });
    expect(model.passes).toEqual([]);
  });

  it('frees its cache when the caller leaves the loop early, and when the model fails', async () => {
    const model = new FakeModel(() => winner(66));
    for await (const _ of generate(model, fakeTokenizer, [62])) break;
    expect(model.numCaches).toBe(0);
    const failing = new FakeModel(() => {
      throw new Error('no power');
    });
    await expect(ask(failing, 'x')).rejects.toThrow('no power');
    expect(failing.numCaches).toBe(0);
  });
});

describe('generate and a context of 64 positions', () => {
  const long = 'p'.repeat(60);
  const endless = () => new FakeModel(() => winner(66));

  it('refuses 60 ids and 6 tokens, takes 5: the last token needs no position', async () => {
    const model = endless();
    await expect(ask(model, long, { maxTokens: 6 })).rejects.toThrow(ContextOverflowError);
    expect(model.numCaches).toBe(0);
    expect((await ask(endless(), long, { maxTokens: 5 })).result.ids).toHaveLength(5);
  });

  it('gives the answer the room that is left when the caller named no length', async () => {
    expect((await ask(endless(), long)).result).toMatchObject({ text: 'BBBBB', finishReason: 'length' });
  });

  it('shortens the answer under stop and the prompt under truncate-left', async () => {
    const stopped = await ask(endless(), long, { maxTokens: 50, contextOverflow: 'stop' });
    expect(stopped.result).toMatchObject({ text: 'BBBBB', finishReason: 'length' });
    const model = endless();
    const prompt = `${long}end>`;
    const truncated = await ask(model, prompt, { maxTokens: 50, contextOverflow: 'truncate-left' });
    expect(truncated.result.usage).toMatchObject({ promptTokens: 15, completionTokens: 50 });
    expect(String.fromCharCode(...model.passes[0])).toBe(prompt.slice(-15));
  });

  it('refuses a prompt that does not fit whatever the answer, under each policy that keeps it', async () => {
    const tooLong = 'p'.repeat(65);
    for (const contextOverflow of ['error', 'stop'] as const) {
      await expect(ask(endless(), tooLong, { contextOverflow })).rejects.toThrow(ContextOverflowError);
    }
    const everything = ask(endless(), 'p', { maxTokens: 65, contextOverflow: 'truncate-left' });
    await expect(everything).rejects.toThrow(ContextOverflowError);
  });
});

describe('generate on an engine that stops', () => {
  /** Dies in the middle of the n-th pass and of `numDead` - 1 after it, with some rows in the cache. */
  function dyingAt(nth: number, numDead = 1) {
    const model = new FakeModel(answering('hello'));
    const run = model.run.bind(model);
    let numPasses = 0;
    model.run = async (entries, options) => {
      const n = numPasses++;
      if (n < nth || n >= nth + numDead) return run(entries, options);
      entries[0].cache.length++;
      throw new EngineError('engine: a worker stopped');
    };
    return model;
  }

  it.each([0, 1, 3])('answers as if nothing had been, when pass %i dies', async (nth) => {
    const { result } = await ask(dyingAt(nth), 'say>');
    expect(result).toMatchObject({ text: 'hello', finishReason: 'stop' });
  });

  it('throws when the second try dies too', async () => {
    await expect(ask(dyingAt(2, 2), 'say>')).rejects.toThrow(EngineError);
  });
});

describe('generate and wrong options', () => {
  it.each([
    [{ maxTokens: 0 }, /^maxTokens: expected/],
    [{ maxTokens: 1.5 }, /^maxTokens: expected/],
    [{ logprobs: -1 }, /^logprobs: expected/],
    [{ topP: 2 }, /^topP: expected/],
    [{ seed: -1 }, /^seed: expected/],
    [{ stop: [''] }, /^stop: expected/],
    [{ contextOverflow: 'shift' as 'stop' }, /^contextOverflow: expected/],
  ])('refuses %j before anything runs', async (options, message) => {
    const model = new FakeModel(() => winner(1));
    await expect(ask(model, 'x', options)).rejects.toThrow(message);
    expect(model.passes).toEqual([]);
    expect(model.numCaches).toBe(0);
  });
});
