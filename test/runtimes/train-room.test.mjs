// The Train room learns as Node does: its first losses have the bits of `smollm2 train` on the same recipe and tokens;
// kept in the browser and gone on with after a reload, it ends where it would have.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium, launchFirefox } from './browsers.mjs';
import { serveExplorer } from './explorer-page.mjs';
import { has } from './runtimes.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const STEPS = 10;

let server;
let losses;
const folder = mkdtempSync(join(tmpdir(), 'smollm2-room-'));
beforeAll(async () => {
  const { RECIPE, splitTokens } = await import(`${root}docs/demo/src/train/page-recipe.ts`);
  const bytes = readFileSync(`${root}docs/demo/dist/train-tokens.bin`);
  const ids = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  for (const [name, part] of Object.entries(splitTokens(ids))) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.ds'), part);
  }
  const { evaluation, ...recipe } = RECIPE;
  writeFileSync(
    join(folder, 'recipe.yaml'),
    JSON.stringify({ ...recipe, evaluation: { ...evaluation, prompts: [] } }),
  );
  const words = [
    'train',
    join(folder, 'recipe.yaml'),
    '--out',
    join(folder, 'out'),
    '--max-steps',
    String(STEPS),
  ];
  await promisify(execFile)(process.execPath, [`${root}dist/cli/main.js`, ...words], { timeout: 300_000 });
  losses = readFileSync(join(folder, 'out', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).loss)
    .slice(0, STEPS);
  server = await serveExplorer(8126, inject('weights'));
});
afterAll(() => {
  server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const BROWSERS = { chromium: launchChromium, firefox: launchFirefox };

describe.each(Object.keys(BROWSERS).filter(has))('%s', (name) => {
  let browser;
  let page;
  beforeAll(async () => {
    browser = await BROWSERS[name]();
    page = await browser.newPage();
  });
  afterAll(() => browser?.close());

  /** Losses of the table below the curve, by step. */
  const shown = () =>
    page.evaluate((steps) => {
      const rows = [...document.querySelectorAll('#view .picture table')[0].querySelectorAll('tbody tr')];
      return rows.slice(0, steps).map((row) => Number(row.cells[1].textContent));
    }, STEPS);
  const click = (key) => page.evaluate((one) => document.querySelector(`[data-focus=${one}]`).click(), key);

  it('has the first ten losses of Node, bit for bit', async () => {
    expect(losses).toHaveLength(STEPS);
    await page.goto(`${server.url}#train`);
    await page.waitForFunction(() => document.querySelector('[data-focus=train]'));
    await click('train');
    await page.waitForFunction(() =>
      /Step (1[1-9]|[2-9]\d)/.test(document.querySelector('#view p').textContent),
    );
    expect(await shown()).toEqual(losses);
    await click('pause');
    await page.waitForFunction(() => /Paused/.test(document.querySelector('#view p').textContent));
  });

  it('shows the gradient of a number by backward and by differences, less than 1e-6 apart', async () => {
    const names = ['embed_tokens', 'layers.0.self_attn.q_proj', 'layers.0.mlp.down_proj', 'norm'];
    for (const [at, name] of names.entries()) {
      await page.evaluate(
        (key) => document.querySelector(`[data-focus="${key}"]`).click(),
        `slope-model.${name}.weight`,
      );
      await page.waitForFunction(
        (count) => document.querySelectorAll('#view .slopes tbody tr').length === count,
        ...(page.context ? [at + 1] : [{}, at + 1]),
      );
    }
    const rows = await page.evaluate(() =>
      [...document.querySelectorAll('#view .slopes tbody tr')].map((row) =>
        [...row.cells].map((cell) => cell.textContent),
      ),
    );
    for (const [name, , , backward, difference] of rows) {
      expect(Math.abs(difference - backward), name).toBeLessThan(1e-6 * Math.abs(backward) + 1e-11);
    }
    expect(rows.some(([, , , backward]) => Number(backward) !== 0)).toBe(true);
  });

  it('goes on after a reload from what was kept', async () => {
    await click('keep');
    await page.waitForFunction(() => /Kept/.test(document.querySelector('[data-focus=keep]').textContent));
    expect(await page.evaluate(() => document.querySelector('#view .bad')?.textContent ?? '')).toBe('');
    await page.reload();
    await page.waitForFunction(() => document.querySelector('[data-focus=kept]'));
    await click('kept');
    await page.waitForFunction(() =>
      /Step (2[6-9]|[3-9]\d)/.test(document.querySelector('#view p').textContent),
    );
    expect(await shown()).toEqual(losses);
  });

  it('cuts a decay from where the run stands, whose learning rate falls while the first curve stays', async () => {
    await page.waitForFunction(() => document.querySelector('[data-focus=decay]'));
    await click('decay');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('#view .before-line')].some((one) => one.getAttribute('d').length > 100),
    );
    await page.waitForFunction(() => {
      const [, step, all] = /Step (\d+) of (\d+)/.exec(document.querySelector('#view p').textContent) ?? [];
      return Number(all) < 300 && Number(step) > Number(all) - 50;
    });
    await click('pause');
    await page.waitForFunction(() => /Paused/.test(document.querySelector('#view p').textContent));
    expect(await shown()).toEqual(losses);
    const rate = await page.evaluate(() => document.querySelectorAll('#view .picture desc')[1].textContent);
    const [most, now] = [/up to ([\d.e-]+\d)/, /now ([\d.e-]+\d)/].map((pattern) =>
      Number(pattern.exec(rate)[1]),
    );
    expect(now).toBeLessThan(most);
    expect(await page.evaluate(() => document.querySelector('#view .bad')?.textContent ?? '')).toBe('');
  });
});
