// The explorer page from end to end, as a visitor uses it, in real Chromium: load, ask, stop, branch, look at every
// view, switch a head off, reload without the network. SCREENSHOTS=1 takes the pictures of
// docs/demo/screenshots anew.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium } from './browsers.mjs';
import { has } from './runtimes.mjs';

const demo = fileURLToPath(new URL('../../docs/demo/', import.meta.url));
const PORT = 8124;
const URL_HERE = `http://127.0.0.1:${PORT}/`;

describe.runIf(has('chromium'))('the explorer page', () => {
  let server;
  let browser;
  let context;
  let page;
  const problems = [];

  beforeAll(async () => {
    if (!existsSync(`${demo}dist/index.html`))
      throw new Error('docs/demo: expected a build; npm run demo makes it');
    await mkdir(`${demo}screenshots`, { recursive: true });
    const env = { ...process.env, SMOLLM2_MODEL: inject('weights') };
    const args = ['node_modules/vite/bin/vite.js', 'preview', '--port', String(PORT), '--strictPort'];
    server = spawn(process.execPath, args, { cwd: demo, env, stdio: ['ignore', 'ignore', 'inherit'] });
    for (let tries = 0; tries < 200; tries++) {
      if (await fetch(URL_HERE).catch(() => undefined)) break;
      await sleep(50);
    }
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    page = await open();
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });

  async function open() {
    const opened = await context.newPage();
    opened.on('pageerror', (error) => problems.push(String(error)));
    await opened.goto(URL_HERE);
    return opened;
  }
  const status = () => page.locator('#status').textContent();
  const lastAnswer = () => page.locator('.message.assistant').last().textContent();
  // Kept where asked for, so that a run of the tests changes no file of the repository.
  const shot = (name) =>
    page.screenshot(process.env.SCREENSHOTS ? { path: `${demo}screenshots/${name}.png` } : {});
  const askEnabled = () => page.locator('#ask button[type=submit]:enabled').waitFor({ timeout: 60_000 });
  async function load() {
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await askEnabled();
  }
  async function ask(question, tokens = 24) {
    await page.locator('textarea').fill(question);
    await page.locator('input[name=maxTokens]').fill(String(tokens));
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.locator('#stop:enabled').waitFor();
  }

  it('loads the model with threads and says so', async () => {
    await load();
    expect(await status()).toMatch(/^Ready in [\d.]+ s: 30 layers, 2 threads \(shared memory and atomics\)/);
  });

  it('streams a greedy answer and shows its tokens, speed and memory', async () => {
    await ask('What is gravity?');
    await askEnabled();
    expect(await lastAnswer()).toMatch(/^Gravity is a fundamental concept in physics that describes/);
    expect(await page.locator('.token').count()).toBe(24);
    expect(await page.locator('#numbers').textContent()).toMatch(/tokens per second[\d.]+.*memory\d+ MB/s);
    await page.locator('.token').nth(2).click();
    expect(await page.locator('.alternatives button').count()).toBe(6);
    await shot('tokens');
  });

  it('goes on from another token when one is chosen', async () => {
    const before = await lastAnswer();
    const other = page.locator('.alternatives button:enabled').first();
    await other.click();
    await askEnabled();
    const after = await lastAnswer();
    expect(after).not.toBe(before);
    expect(after.slice(0, 7)).toBe('Gravity'); // the two tokens before the chosen one stay
    expect(before.slice(0, 7)).toBe('Gravity');
    expect(await page.locator('.message.assistant').count()).toBe(1);
  });

  it('stops in the middle of an answer', async () => {
    await ask('Write a long story about a lighthouse.', 512);
    await page.waitForFunction(() => document.querySelectorAll('.token').length > 8);
    await page.getByRole('button', { name: 'Stop' }).click();
    await askEnabled();
    expect(await page.locator('.token').count()).toBeLessThan(512);
    expect(await page.locator('#numbers').textContent()).toMatch(/abort/);
  });

  it('shows the attention of the 9 heads of a layer: the first token sees itself, none looks ahead', async () => {
    await page.getByRole('button', { name: 'New chat' }).click();
    await ask('The cat sat on the mat. The cat', 16);
    await askEnabled();
    await page.getByRole('tab', { name: 'Attention' }).click();
    await page.locator('.heads canvas').first().waitFor();
    expect(await page.locator('.heads canvas').count()).toBe(9);
    const isDrawn = await page.evaluate(() => {
      const canvas = document.querySelector('.heads canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      // The first token can only look at itself; ink is the square root of the weight.
      return { first: data[3], isCausal: data[4 * (canvas.width - 1) + 3] === 0, width: canvas.width };
    });
    expect(isDrawn.first).toBe(255);
    expect(isDrawn.isCausal).toBe(true);
    expect(isDrawn.width).toBeGreaterThan(30);
    await shot('attention');
  });

  it('answers differently without some heads, and as before with all of them again', async () => {
    const before = await lastAnswer();
    for (let head = 0; head < 9; head++) {
      await page.getByRole('button', { name: `switch off head ${head} of layer 0` }).click();
    }
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.locator('#stop:enabled').waitFor();
    await askEnabled();
    expect(await lastAnswer()).not.toBe(before);
    await page.locator('.heads canvas').first().waitFor();
    await shot('ablation');
    for (let head = 0; head < 9; head++) {
      await page.getByRole('button', { name: `switch on head ${head} of layer 0` }).click();
    }
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.locator('#stop:enabled').waitFor();
    await askEnabled();
    expect(await lastAnswer()).toBe(before);
  });

  it('draws logit lens, residual stream and KV cache, by keyboard', async () => {
    await page.getByRole('tab', { name: 'Attention' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('#view svg').first().waitFor();
    expect(await page.locator('#view figcaption').textContent()).toMatch(/What each layer would predict/);
    await shot('lens');
    await page.keyboard.press('ArrowRight');
    await page.getByText('One line per token').waitFor();
    expect(await page.locator('#view svg path').count()).toBeGreaterThan(20);
    await shot('stream');
    await page.keyboard.press('ArrowRight');
    await page.getByText('Every token adds its keys and values').waitFor();
    await shot('cache');
  });

  it('fits a phone, in the dark', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('tab', { name: 'Tokens' }).click();
    const { width, body } = await page.evaluate(() => ({
      width: document.documentElement.scrollWidth,
      body: getComputedStyle(document.body).backgroundColor,
    }));
    expect(width).toBeLessThanOrEqual(390);
    expect(body).toBe('rgb(20, 23, 27)');
    await shot('phone');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 860 });
  });

  it('says what is wrong when the model is not there', async () => {
    await page.locator('input[name=url]').fill('not-there.gguf');
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await page.locator('#status.bad').waitFor();
    expect(await status()).toMatch(/^(UnavailableError|FormatError): .*not-there\.gguf/);
  });

  it("loads again from the browser's storage when the model's server is gone", async () => {
    await page.close();
    await context.route('**/model.gguf', (route) => route.abort());
    page = await open();
    await load();
    await ask('What is gravity?');
    await askEnabled();
    expect(await lastAnswer()).toMatch(/^Gravity is a fundamental concept/);
  });

  it('threw nothing on the way', () => {
    expect(problems).toEqual([]);
  });
});
