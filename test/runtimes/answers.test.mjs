// One question on the real weights in every runtime: the same ten tokens, and one sha256 over all their logits.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium, launchFirefox, runInPage } from './browsers.mjs';
import { has, PROGRAMS, runScript } from './runtimes.mjs';
import { STRICT_CSP, startServer } from './server.mjs';
import { launchWebKit } from './webkit.mjs';
import { bundleWorker, startWorkerd, temporaryFolder } from './workerd.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What SmolLM2-135M-Instruct says in Q4_1, with `fast` precision and strict kernels, on every machine. */
const IDS = [22007, 6463, 314, 253, 4959, 1909, 281, 6944, 338, 6601];
const TEXT = 'Gravity is a fundamental concept in physics that describes';

const { prompts } = JSON.parse(readFileSync(`${root}vectors/135m-instruct-q4_1.json`, 'utf8'));
const published = prompts.find(({ name }) => name === 'eight-tokens').sha256.fast;

/** The logits of the first runtime that ran; every other one must have the same. */
let expected;
let fingerprint;
const rows = [];

function check(name, result) {
  expect(result.ids).toEqual(IDS);
  expect(result.text).toBe(TEXT);
  expected ??= result.sha256;
  expect(result.sha256).toBe(expected);
  expect(result.vector).toBe(published);
  fingerprint ??= result.fingerprint;
  expect(result.fingerprint).toBe(fingerprint);
  const { threads, loadMs, firstTokenMs, memoryBytes } = result;
  const memory = memoryBytes ? `${(memoryBytes / 1e6).toFixed(0)} MB resident` : '';
  rows.push({ name, threads, loadMs, firstTokenMs, memory, sha256: result.sha256.slice(0, 12) });
}

afterAll(() => console.table(rows));

describe.each(['node', 'node 24', 'deno', 'bun'])('%s', (name) => {
  it.runIf(has(name)).each([1, 2])('answers with %i thread(s)', async (threads) => {
    const result = await runScript(name, 'script.mjs', inject('weights'), String(threads));
    check(`${result.runtime}`, result);
    expect(result.threads).toBe(threads);
    if (threads > 1) expect(result.workers).toBe(threads);
  });
});

const BROWSERS = {
  chromium: launchChromium,
  firefox: launchFirefox,
  webkit: launchWebKit,
  // As Debian ships it: no shared memory, whatever headers a page has.
  'webkit without shared memory': () => launchWebKit({ sharedMemory: false }),
};

describe.each(Object.keys(BROWSERS).filter(has))('%s', (name) => {
  let browser;
  beforeAll(async () => {
    browser = await BROWSERS[name]();
  });
  afterAll(() => browser?.close());

  const answers = async (where, page, isolated, threads) => {
    const numThreads = name.endsWith('without shared memory') ? 1 : threads;
    const mounts = {
      '/runtimes/': `${root}test/runtimes`,
      '/smollm2/': `${root}dist/bundle`,
      '/model.gguf': inject('weights'),
    };
    const server = await startServer(mounts, { isolated, csp: STRICT_CSP });
    try {
      const url = `${server.url}/runtimes/pages/${page}`;
      const result = await runInPage(browser, url, '/model.gguf', { threads: 2 });
      expect(result.isolated).toBe(isolated);
      expect(result.threads).toBe(numThreads);
      check(`${name}, ${where}`, result);
      const starts = (script) => server.requests.filter(({ path }) => path.endsWith(script)).length;
      // The threaded path really ran: that many workers fetched their script (WebKit may fetch it once for all).
      const most = numThreads > 1 ? numThreads : 0;
      const least = name === 'webkit' ? Math.min(1, most) : most;
      expect(starts('team-worker.js')).toBeGreaterThanOrEqual(least);
      expect(starts('team-worker.js')).toBeLessThanOrEqual(most);
      // A page computes nothing itself: its own thread is never away as long as the prompt takes.
      if (page === '') expect(result.longestTaskMs).toBeLessThan(0.8 * result.firstTokenMs);
    } finally {
      await server.stop();
    }
  };

  const title = 'answers in %s, under the strict Content-Security-Policy';
  it.each([
    ['a page, isolated', '', true, 2],
    ['a page, not isolated', '', false, 1],
    ['a worker, not isolated', 'worker.html', false, 1],
  ])(title, answers);
  // A worker of the page's own starts its team itself, and in Firefox can stop for good (docs/guides/browser.md, Workers).
  const retry = name === 'firefox' ? 2 : 0;
  it.each([['a worker, isolated', 'worker.html', true, 2]])(title, { retry }, answers);
});

describe('workerd', () => {
  it.runIf(has('workerd'))('answers from split weights, with kernels imported as modules', async () => {
    const bundle = await temporaryFolder();
    await bundleWorker(`${root}test/runtimes/workerd-answer.js`, bundle.path);
    const worker = await startWorkerd({ dir: bundle.path, assets: inject('parts'), bin: PROGRAMS.workerd });
    try {
      const response = await fetch(`${worker.url}/answer`);
      const result = await response.json();
      expect(result.error).toBeUndefined();
      expect(result.runtime).toBe('workerd');
      check('workerd', result);
    } finally {
      await worker.stop();
      await bundle.remove();
    }
  });
});
