import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, ChatTokenizer } from '../../src/chat/template.ts';
import { generate } from '../../src/generate/generate.ts';
import { Session } from '../../src/generate/session.ts';
import { answering, FakeModel, fakeTokenizer, hashing } from '../support/fake-model.ts';

const template = {
  encode: async (tokenizer: ChatTokenizer, messages: readonly ChatMessage[]) =>
    tokenizer.encode(`${messages.map((message) => `${message.role[0]}:${message.content}`).join('|')}>`, {
      addBos: false,
    }),
};

async function finish<Result>(answer: AsyncGenerator<unknown, Result>): Promise<Result> {
  for (;;) {
    const step = await answer.next();
    if (step.done) return step.value;
  }
}

describe('Session', () => {
  it('computes only what is new in the second turn', async () => {
    const model = new FakeModel(answering('hi'));
    const session = new Session(model, fakeTokenizer, template);
    const first = await finish(session.chat([{ role: 'user', content: 'hey' }]));
    expect(first).toMatchObject({ text: 'hi', usage: { promptTokens: 6, cachedTokens: 0 } });
    model.passes.length = 0;
    const second = await finish(
      session.chat([
        { role: 'user', content: 'hey' },
        { role: 'assistant', content: 'hi' },
        { role: 'user', content: 'bye' },
      ]),
    );
    expect(second.usage.cachedTokens).toBe('u:hey'.length);
    expect(String.fromCharCode(...model.passes[0])).toBe('|a:hi|u:bye>');
  });

  it('reads a text as one question, and refuses what is no conversation', async () => {
    const session = new Session(new FakeModel(answering('hi')), fakeTokenizer, template);
    const asked = await finish(session.chat([{ role: 'user', content: 'hey' }]));
    expect((await finish(session.chat('hey'))).ids).toEqual(asked.ids);
    for (const wrong of [5, { role: 'user' }, [{ role: 'user' }], ['hey']]) {
      await expect(finish(session.chat(wrong as never))).rejects.toThrow(TypeError);
    }
  });

  it('throws once it was closed, and a second close does nothing', async () => {
    const model = new FakeModel(answering('hi'));
    const [first, second] = [
      new Session(model, fakeTokenizer, template),
      new Session(model, fakeTokenizer, template),
    ];
    first.close();
    first.close();
    await expect(finish(first.chat('hey'))).rejects.toThrow(/session: expected one that is open/);
    await expect(finish(first.generate([1]))).rejects.toThrow(/session: expected one that is open/);
    expect((await finish(second.chat('hey'))).text).toBe('hi');
  });

  it('closed while it answers ends the answer, and gives the cache back then', async () => {
    const session = new Session(new FakeModel(hashing), fakeTokenizer);
    const answer = session.generate([1, 2, 3], { maxTokens: 50, ignoreEos: true });
    await answer.next();
    session.close();
    const result = await finish(answer);
    expect(result.finishReason).toBe('abort');
    expect(result.ids).toHaveLength(1);
    await expect(finish(session.generate([1]))).rejects.toThrow(/closed/);
  });

  it('gives the answers of a fresh cache for any run of 6 prompts, common beginnings or not', {
    tags: ['slow'],
  }, async () => {
    const prompts = fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 }), {
      minLength: 6,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(prompts, async (turns) => {
        const model = new FakeModel(hashing);
        const session = new Session(model, fakeTokenizer);
        for (const promptIds of turns) {
          const options = { maxTokens: 5, ignoreEos: true };
          const kept = await finish(session.generate(promptIds, options));
          const fresh = await finish(generate(new FakeModel(hashing), fakeTokenizer, promptIds, options));
          expect(kept.ids).toEqual(fresh.ids);
          expect(session.cachedIds).toEqual([...promptIds, ...kept.ids.slice(0, -1)]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('runs at least the last id of a prompt that is in the cache whole', async () => {
    const model = new FakeModel(hashing);
    const session = new Session(model, fakeTokenizer);
    await finish(session.generate([5, 6, 7], { maxTokens: 1 }));
    const again = await finish(session.generate([5, 6, 7], { maxTokens: 1 }));
    expect(again.usage.cachedTokens).toBe(2);
    expect(model.passes.at(-1)).toEqual([7]);
  });

  it('knows what is in the cache after an abort in the prompt and after a loop left early', async () => {
    const model = new FakeModel(hashing);
    const session = new Session(model, fakeTokenizer);
    const controller = new AbortController();
    const aborted = await finish(
      session.generate([1, 2, 3, 4, 5, 6], {
        signal: controller.signal,
        onPromptProgress: (done) => done === 3 && controller.abort(),
      }),
    );
    expect(aborted.finishReason).toBe('abort');
    expect(session.cachedIds).toEqual([1, 2, 3]);
    for await (const token of session.generate([1, 2, 3, 4, 5, 6])) if (token.id) break;
    expect(session.cachedIds).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('refuses a second answer while one is being generated, and a chat without a template', async () => {
    const session = new Session(new FakeModel(hashing), fakeTokenizer);
    const first = session.generate([1]);
    await first.next();
    await expect(session.generate([1]).next()).rejects.toThrow(/one answer at a time/);
    await first.return(undefined as never);
    await expect(finish(session.generate([1], { maxTokens: 1 }))).resolves.toBeDefined();
    await expect(session.chat([{ role: 'user', content: 'x' }]).next()).rejects.toThrow(TypeError);
  });

  it('frees its cache when it is closed', () => {
    const model = new FakeModel(hashing);
    const session = new Session(model, fakeTokenizer, template, { maxSeqLen: 8 });
    expect(model.numCaches).toBe(1);
    session.close();
    expect(model.numCaches).toBe(0);
  });
});
