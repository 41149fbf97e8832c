// A page of each bundler, from the packed package: it answers with Node's bits, or says what to set.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from '../../dist/node/index.js';
import { launchChromium, launchFirefox, runInPage } from '../runtimes/browsers.mjs';
import { has } from '../runtimes/runtimes.mjs';
import { launchWebKit } from '../runtimes/webkit.mjs';
import { esbuild, next, parcel, rspack, viteBuild, viteDev, webpack } from './builders.mjs';
import { tenTokens } from './ten-tokens.js';

const NANO = fileURLToPath(new URL('../../models/nano.gguf', import.meta.url));
/** As docs/guides/browser.md says it for tools that do not find the worker. */
const uncached = { headers: { 'Cache-Control': 'no-store' } };
const excluded = { ...uncached, optimizeDeps: { exclude: ['smollm2'] } };
const ownWorker = { ownWorker: '/bundle/browser/model-worker.js' };

const ANSWER = [
  { tool: 'Vite 6, build', build: viteBuild(6) },
  { tool: 'Vite 7, build', build: viteBuild(7) },
  { tool: 'Vite 8, build', build: viteBuild(8) },
  { tool: 'Vite 6, dev, optimizeDeps.exclude', build: viteDev(6, excluded) },
  { tool: 'Vite 7, dev, optimizeDeps.exclude', build: viteDev(7, excluded) },
  { tool: 'Vite 8, dev, Cache-Control', build: viteDev(8, uncached) },
  { tool: 'webpack', build: webpack },
  { tool: 'rspack', build: rspack },
  { tool: 'Next', build: next },
  { tool: 'esbuild, a worker of the site', build: esbuild, options: ownWorker },
  { tool: 'parcel, a worker of the site', build: parcel, options: ownWorker },
];

/** A worker of a team is asked for again, "not modified" comes without the headers, and WebKit refuses it. */
const WITHOUT_NO_STORE = {
  tool: 'Vite 8, dev',
  build: viteDev(8),
  browser: 'webkit',
  says: [/a worker stopped \(its script did not start; docs\/guides\/browser\.md, Workers\)/],
};

/** What names the script, and what to set. */
const says = (address) => [
  /^EngineError: worker http/,
  address,
  /Vite before 8: optimizeDeps\.exclude \['smollm2'\]; esbuild, parcel/,
  /docs\/guides\/browser\.md, Workers/,
];

const SAY_WHAT_TO_SET = [
  WITHOUT_NO_STORE,
  { tool: 'Vite 6, dev', build: viteDev(6), says: says(/deps\/model-worker\.js/) },
  { tool: 'Vite 7, dev', build: viteDev(7), says: says(/deps\/model-worker\.js/) },
  { tool: 'esbuild', build: esbuild, says: says(/\/model-worker\.js/) },
  { tool: 'parcel', build: parcel, says: says(/\/model-worker\.\w+\.js/) },
];

const BROWSERS = { chromium: launchChromium, firefox: launchFirefox, webkit: launchWebKit };
const found = Object.keys(BROWSERS).filter(has);
const open = {};
let expected;

beforeAll(async () => {
  const smol = await load(NANO);
  expected = await tenTokens(smol);
  await smol.close();
  for (const name of found) open[name] = await BROWSERS[name]();
});
afterAll(() => Promise.all(Object.values(open).map((browser) => browser.close())));

describe.each(ANSWER)('$tool', ({ build, options = {} }) => {
  let site;
  beforeAll(async () => {
    site = await build();
  });
  afterAll(() => site?.stop());

  it.each(found)("answers in %s on two threads with Node's bits", async (name) => {
    const answer = await runInPage(open[name], site.url, '/nano.gguf', options);
    expect(answer).toEqual({ ...expected, threads: 2 });
  });
});

describe.each(SAY_WHAT_TO_SET)('$tool, as it is', ({ build, browser = 'chromium', says }) => {
  it.runIf(found.includes(browser))(`says in ${browser} what did not start, and what to set`, async () => {
    const site = await build();
    try {
      const { error } = await runInPage(open[browser], site.url, '/nano.gguf');
      for (const text of says) expect(error).toMatch(text);
    } finally {
      await site.stop();
    }
  });
});
