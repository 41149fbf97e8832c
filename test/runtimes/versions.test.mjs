// A site that is kept in versions: each page says which is the newest, and each version works without a network.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { release } from '../../docs/demo/site/release.mjs';
import { collectProblems, launchChromium } from './browsers.mjs';
import { serveExplorer } from './explorer-page.mjs';
import { has } from './runtimes.mjs';

describe.runIf(has('chromium'))('a site of versions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'versions-'));
  let server;
  let browser;
  let page;
  const problems = [];

  beforeAll(async () => {
    expect(release(folder, 'next', 'https://example.org/smollm2/').latest).toBe('next');
    release(folder, 'v0.9', 'https://example.org/smollm2/');
    // A page that the newest has no longer.
    rmSync(join(folder, 'v0.9/docs/glossary.html'));
    release(folder, 'v0.2', 'https://example.org/smollm2/');
    expect(release(folder, 'v0.10', undefined)).toEqual({
      latest: 'v0.10',
      versions: ['v0.10', 'v0.9', 'v0.2', 'next'],
    });
    server = await serveExplorer(8128, inject('weights'), folder);
    browser = await launchChromium();
    page = await browser.newPage();
    collectProblems(page, problems);
  });
  afterAll(async () => {
    await browser?.close();
    server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('leads from its root to the newest', async () => {
    await page.goto(server.url);
    await page.waitForURL(`${server.url}v0.10/index.html*`);
    expect(await page.locator('.version').count()).toBe(0);
  });

  it.each([
    ['v0.9/docs/components/rope.html', 'v0.10/docs/components/rope.html'],
    ['v0.2/learn/index.html', 'v0.10/learn/index.html'],
    ['next/index.html', 'v0.10/index.html'],
  ])('says on %s where the newest is', async (from, to) => {
    await page.goto(`${server.url}${from}`);
    const link = page.locator('.version a');
    await link.waitFor();
    expect(await page.locator('.version').textContent()).toBe(
      `These pages are of ${from.split('/')[0]}. The newest is v0.10.`,
    );
    await link.click();
    await page.waitForURL(`${server.url}${to}*`);
    expect(await page.locator('.version').count()).toBe(0);
  });

  it('threw nothing on the way', async () => {
    // Before its files are taken away below.
    await page.close();
    expect(problems).toEqual([]);
  });

  it('gives every page one canonical address: the newest that has it', () => {
    const canonical = (file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/rel="canonical" href="([^"]*)"/g)].map(
        ([, to]) => to,
      );
    expect(canonical('v0.9/docs/components/rope.html')).toEqual(['../../../v0.10/docs/components/rope.html']);
    expect(canonical('v0.10/docs/components/rope.html')).toEqual([
      '../../../v0.10/docs/components/rope.html',
    ]);
    expect(existsSync(join(folder, 'v0.10/_headers'))).toBe(false);
    expect(readFileSync(join(folder, '_headers'), 'utf8')).toMatch(/Cross-Origin-Opener-Policy/);
    release(folder, 'v0.10', 'https://example.org/smollm2/');
    expect(canonical('v0.2/index.html')).toEqual(['https://example.org/smollm2/v0.10/index.html']);
    rmSync(join(folder, 'v0.10'), { recursive: true });
    release(folder, 'next', 'https://example.org/smollm2/');
    // The glossary is gone from v0.9, the newest now: the older one keeps its own.
    expect(canonical('v0.2/docs/glossary.html')).toEqual([
      'https://example.org/smollm2/v0.2/docs/glossary.html',
    ]);
    expect(canonical('next/docs/walk.html')).toEqual(['https://example.org/smollm2/v0.9/docs/walk.html']);
  });

  it('is made where npm was called, and never over pages that are no version', () => {
    const own = mkdtempSync(join(tmpdir(), 'own-'));
    const demo = fileURLToPath(new URL('../../docs/demo/', import.meta.url));
    const run = (words) =>
      spawnSync('npm', ['run', '--silent', '--prefix', demo, 'release', '--', ...words], {
        cwd: own,
        encoding: 'utf8',
      });
    expect(run(['site', '--next']).stdout).toContain(`${join(own, 'site')}: next; the newest is next`);
    expect(existsSync(join(own, 'site/next/sw.js'))).toBe(true);
    writeFileSync(join(own, 'index.html'), 'mine');
    expect(run(['.']).stderr).toMatch(/expected a folder of versions or a new one/);
    expect(run(['site', '--origin', 'example.org']).stderr).toMatch(
      /expected an address that ends in a slash/,
    );
    expect(run([]).status).toBe(2);
    expect(readFileSync(join(own, 'index.html'), 'utf8')).toBe('mine');
    rmSync(own, { recursive: true });
  });
});
