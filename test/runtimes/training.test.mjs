// Twenty steps of a nano model in Node 20, Node 24 and a page of Chromium and Firefox: one loss hash.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callInPage, launchChromium, launchFirefox, launchHidingChromium, runInPage } from './browsers.mjs';
import { RECIPE, TOKENS } from './made-up-run.js';
import { has, PROGRAMS } from './runtimes.mjs';
import { STRICT_CSP, startServer } from './server.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** It moves with the order of a sum, and with no machine. */
const LOSS_HASH = 'e73a7894354ece28';

let folder;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-training-'));
  for (const [name, ids] of Object.entries(TOKENS)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.ds'), ids);
  }
  writeFileSync(join(folder, 'recipe.yaml'), JSON.stringify(RECIPE));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// V8's wider operations (assembly/training/gemm.ts) compute the same.
describe.each([
  ['node', []],
  ['node 24', []],
  ['node 24', ['--experimental-wasm-revectorize']],
])('%s %s', (name, flags) => {
  it.runIf(has(name)).each([1, 2])('trains to the one loss hash with %i thread(s)', async (threads) => {
    const out = join(folder, `${name}-${flags.length}-${threads}`.replace(' ', '-'));
    const words = ['train', join(folder, 'recipe.yaml'), '--out', out, '--threads', String(threads)];
    const main = [...flags, `${root}dist/cli/main.js`];
    const { stdout } = await promisify(execFile)(PROGRAMS[name], [...main, ...words], { timeout: 300_000 });
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`loss hash: ${LOSS_HASH}`);
  });
});

/** Serves the page that trains. */
async function inPage(isolated, use) {
  const mounts = {
    '/runtimes/': `${root}test/runtimes`,
    '/smollm2/': `${root}dist/bundle`,
    '/nano.gguf': `${root}models/nano.gguf`,
  };
  const server = await startServer(mounts, { isolated, csp: STRICT_CSP });
  try {
    return await use(`${server.url}/runtimes/pages/training.html`, server);
  } finally {
    await server.stop();
  }
}

const BROWSERS = { chromium: launchChromium, firefox: launchFirefox };

describe.each(Object.keys(BROWSERS).filter(has))('%s', (name) => {
  let browser;
  beforeAll(async () => {
    browser = await BROWSERS[name]();
  });
  afterAll(() => browser?.close());

  it.each([
    ['isolated, on two workers', true, 2],
    ['not isolated, on one', false, 0],
  ])('trains to the one loss hash in a page %s', async (_, isolated, teamWorkers) => {
    await inPage(isolated, async (url, server) => {
      const result = await runInPage(browser, url, { threads: 2 });
      expect(result.isolated).toBe(isolated);
      expect(result.lossHash).toBe(LOSS_HASH);
      expect(result).toMatchObject({ reason: 'finished', step: 20, facts: { totalSteps: 20, step: 0 } });
      expect(result.lines.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      expect(result.lines.at(-1).eval_loss).toBeLessThan(result.lines[9].eval_loss);
      expect(result.norm.every((value) => value > 0.5 && value < 2)).toBe(true);
      expect(result.score.perplexity).toBeGreaterThan(1);
      const starts = server.requests.filter(({ path }) => path.endsWith('/training-worker.js')).length;
      expect(starts).toBe(teamWorkers);
    });
  });

  it('goes on from a checkpoint to the same hash, and answers while it is paused', async () => {
    await inPage(true, async (url) => {
      const result = await runInPage(browser, url, { threads: 1, stops: 7 });
      expect(result.lossHash).toBe(LOSS_HASH);
      expect(result.stepsWhilePaused).toBe(7);
      expect(result.facts.step).toBe(7);
      const [first, again] = result.samples;
      expect(first[0].startsWith('ROMEO.\n')).toBe(true);
      expect(again).toEqual(first);
    });
  });

  it('says what a setup lacks, before a step is taken', async () => {
    await inPage(true, async (url) => {
      const page = await browser.newPage();
      try {
        await page.goto(url);
        await page.waitForFunction(() => 'refusal' in globalThis);
        const say = (change) => page.evaluate((given) => globalThis.refusal(given), change);
        expect(await say({ tokens: {} })).toBe(
          'RangeError: tokens: expected those of made-up, which the recipe names, got none',
        );
        expect(await say({ steps: 3 })).toMatch(/^TypeError: steps: expected an option of startTraining\(\)/);
        expect(await say({ recipe: { ...RECIPE, tokens: { ...RECIPE.tokens, train_steps: -1 } } })).toMatch(
          /^FormatError: .*train_steps/,
        );
        const strange = { 'made-up': [...TOKENS['made-up']].fill(4000, 5, 6), 'held-out': [] };
        expect(await say({ tokens: strange })).toMatch(
          'RangeError: tokens of made-up: expected ids below 2048, got 4000 at place 5',
        );
      } finally {
        await page.close();
      }
    });
  });

  // Firefox collected a worker that waited for its next message, and with it the run: 4 of 4 runs, at steps 311 to 1,597.
  it('takes thousands of steps on two workers', async () => {
    await inPage(true, async (url) => {
      const end = await callInPage(browser, url, 'runSmallSteps', 2000);
      expect(end).toMatchObject({ reason: 'finished', step: 2000 });
    });
  });

  // In Firefox, a worker that started another one stopped for good: 3 of 3 runs, after 4 to 16 starts.
  it('starts teams thirty times over', async () => {
    await inPage(true, async (url) => {
      expect(await callInPage(browser, url, 'runStarts', 30)).toEqual([1, 1]);
    });
  });
});

describe.runIf(has('chromium'))('a tab behind another one', () => {
  it('trains to the one loss hash', async () => {
    const browser = await launchHidingChromium();
    try {
      await inPage(true, async (url) => {
        const page = await browser.newPage();
        await page.goto(url);
        await page.waitForFunction(() => 'runHidden' in globalThis);
        const ended = page.evaluate(() => globalThis.runHidden());
        await (await browser.newPage()).bringToFront();
        expect(await ended).toEqual({ reason: 'finished', step: 20, lossHash: LOSS_HASH, isHidden: true });
      });
    } finally {
      await browser.close();
    }
  });
});
