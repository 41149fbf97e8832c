// The tour from end to end with the keyboard alone; a download of the 135M that stalls, is paused and goes on where it
// stopped; and the bytes that a first visit costs.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium } from './browsers.mjs';
import { settled, walkTour } from './explorer-page.mjs';
import { has } from './runtimes.mjs';
import { startServer } from './server.mjs';

const dist = fileURLToPath(new URL('../../docs/demo/dist/', import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' data:";
describe.runIf(has('chromium'))('a first visit', () => {
  let server;
  let browser;
  let page;
  beforeAll(async () => {
    const mounts = { '/model.gguf': inject('weights'), '/': dist };
    server = await startServer(mounts, { csp: CSP });
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${server.url}/`);
    await settled(page);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('walks the tour by keyboard alone, each stop ending with its deed', async () => {
    await walkTour(page);
    expect(await page.locator('#model-chip').textContent()).toBe('nano · built in');
  });

  it('pauses a download that stalls at half, and goes on from there', async () => {
    Object.assign(server.faults, { cutAfter: 50_000_000, stall: true });
    await page.locator('#model-chip').click();
    await page.locator('[data-focus=bring]').click();
    await page.waitForFunction(() =>
      /^(4\d\.\d|50\.0)\sMB of /.test(document.querySelector('#bring-status')?.textContent ?? ''),
    );
    server.faults.stall = false;
    await page.locator('[data-focus=pause]').click();
    await page.getByText(/Paused at [45]\d\.\d/).waitFor();
    await page.locator('[data-focus=resume]').click();
    await page.getByText('The real model is ready.').first().waitFor({ timeout: 120_000 });
    const resumed = server.requests.filter(
      ({ path, range }) => path === '/model.gguf' && /^bytes=[1-9]/.test(range ?? ''),
    );
    expect(resumed.length).toBeGreaterThan(0);
  });

  it('costs at most 60 kB of page and 60 kB of numbers computed in advance', () => {
    const assets = readdirSync(`${dist}assets`);
    const html = readFileSync(`${dist}index.html`, 'utf8').replace(/<link rel="prefetch".*?>/g, '');
    const named = [...html.matchAll(/assets\/([\w.-]+\.(?:js|css))"/g)].map(([, file]) => file);
    expect(named.length).toBeGreaterThan(2);
    const firstView = assets.filter((file) => /^(tokens|svg|controls|figure|format)-.*\.js$/.test(file));
    const shell = [...new Set([...named, ...firstView])].reduce(
      (sum, file) => sum + gzipSync(readFileSync(`${dist}assets/${file}`)).length,
      0,
    );
    expect(shell).toBeLessThan(60_000);
    const [first] = assets.filter((file) => file.startsWith('first-view'));
    expect(readFileSync(`${dist}assets/${first}`).length).toBeLessThan(60_000);
  });
});
