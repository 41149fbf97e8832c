import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/base/errors.ts';
import type { GenerationResult } from '../../src/generate/options.ts';
import { load, type NodeLoadOptions, type SmolLM2 } from '../../src/node/index.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import { restoreSnapshot, saveSnapshot } from '../../src/run/snapshot.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const SYSTEM = { role: 'system', content: 'You speak to ships that are far out at sea.' };
const QUESTION = { role: 'user', content: 'Who are you?' };
const OPTIONS = { maxTokens: 12, temperature: 0, ignoreEos: true } as const;

const folders: string[] = [];
const open: SmolLM2[] = [];
beforeAll(() => {
  folders.push(makeTinyFolder('gqa'), makeTinyFolder('mha'));
});
afterAll(async () => {
  for (const smol of open) await smol.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function loadTiny(options: NodeLoadOptions, folder = folders[0]): Promise<SmolLM2> {
  const smol = await load(folder, options);
  open.push(smol);
  return smol;
}

/** The whole answer with the log-probability of every token. */
async function answerOf(run: AsyncGenerator<{ logprob?: number }, GenerationResult>) {
  const logprobs: (number | undefined)[] = [];
  for (;;) {
    const step = await run.next();
    if (step.done) return { ids: step.value.ids, cached: step.value.usage.cachedTokens, logprobs };
    logprobs.push(step.value.logprob);
  }
}

const KINDS: NodeLoadOptions[] = [
  { engine: 'reference' },
  { engine: 'wasm', threads: 1 },
  { engine: 'wasm', threads: 2 },
  { engine: 'wasm', threads: 1, cacheType: 'f16' },
  { engine: 'wasm', threads: 1, cacheType: 'q8' },
  { engine: 'wasm', threads: 1, precision: 'precise' },
];

describe('a snapshot', () => {
  it.each(KINDS)(
    'gives the answer that there is without one, bit for bit: %j',
    { tags: ['slow'] },
    async (options) => {
      const builder = await loadTiny(options);
      const snapshot = await builder.snapshot([SYSTEM]);
      const smol = await loadTiny(options); // another program
      const session = await smol.restore(snapshot);
      const with_ = await answerOf(session.chat([SYSTEM, QUESTION], { ...OPTIONS, logprobs: 0 }));
      const without = await answerOf(smol.chat([SYSTEM, QUESTION], { ...OPTIONS, logprobs: 0 }));
      expect(with_.ids).toEqual(without.ids);
      expect(with_.logprobs).toEqual(without.logprobs);
      // Every token of the system message came from the snapshot.
      const system = await smol.template!.render([SYSTEM], { addGenerationPrompt: false });
      expect(with_.cached).toBe(smol.tokenizer.encode(system).length);
      expect(without.cached).toBe(0);
      session.close();
    },
  );

  it('of one thread is taken by two: threads change no bit', { tags: ['slow'] }, async () => {
    const snapshot = await (await loadTiny({ threads: 1 })).snapshot([SYSTEM]);
    await expect((await loadTiny({ threads: 2 })).restore(snapshot)).resolves.toBeDefined();
  });

  it.each([
    ['other weights', { threads: 1 }, 1],
    ['another engine', { engine: 'reference' }, 0],
    ['another cache type', { threads: 1, cacheType: 'f16' }, 0],
  ] as [string, NodeLoadOptions, number][])(
    'of %s is refused',
    { tags: ['slow'] },
    async (_what, options, folder) => {
      const snapshot = await (await loadTiny(options, folders[folder])).snapshot([SYSTEM]);
      const smol = await loadTiny({ threads: 1 });
      await expect(smol.restore(snapshot)).rejects.toThrow(UnsupportedError);
      await expect(smol.restore('x' as never)).rejects.toThrow(/^snapshot: expected bytes, got "x"$/);
    },
  );

  it('of another precision is refused, where weights are quantised and precision makes a difference', {
    tags: ['slow'],
  }, async () => {
    const checkpoint = randomCheckpoint(SMALL_CONFIG, (name) => (/norm|bias/.test(name) ? 'F32' : 'Q4_1'));
    const fast = await loadModel(checkpoint, { threads: 1, precision: 'fast' }, nodePlatform);
    const precise = await loadModel(checkpoint, { threads: 1, precision: 'precise' }, nodePlatform);
    const snapshot = await saveSnapshot(fast, [1, 2, 3]);
    await expect(restoreSnapshot(precise, snapshot)).rejects.toThrow(UnsupportedError);
    await expect(restoreSnapshot(fast, snapshot)).resolves.toMatchObject({ ids: [1, 2, 3] });
    await Promise.all([fast.close(), precise.close()]);
  });

  it('with one wrong bit anywhere is refused', { tags: ['slow'] }, async () => {
    const smol = await loadTiny({ threads: 1 });
    const snapshot = await smol.snapshot([SYSTEM]);
    for (const at of [0, 9, 20, 200, snapshot.length - 40, snapshot.length - 1]) {
      const damaged = snapshot.slice();
      damaged[at] ^= 4;
      await expect(smol.restore(damaged)).rejects.toThrow(FormatError);
    }
    await expect(smol.restore(snapshot.subarray(0, -1))).rejects.toThrow(FormatError);
    await expect(smol.restore(new Uint8Array(10))).rejects.toThrow(FormatError);
  });

  it('longer than the session may be is refused, and the cache given back', async () => {
    const smol = await loadTiny({ threads: 1 });
    const snapshot = await smol.snapshot([SYSTEM]);
    await expect(smol.restore(snapshot, { maxSeqLen: 16 })).rejects.toThrow(/expected 1 to 16 positions/);
  });
});
