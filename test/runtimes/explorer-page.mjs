// The built explorer, served as `npm run demo` does, and what the tests of it have in common.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { collectProblems } from './browsers.mjs';

const demo = fileURLToPath(new URL('../../docs/demo/', import.meta.url));

/** Every view of the Lab. */
export const VIEWS =
  'tokens journey attention lens sum softmax branches cache surgery debugger bits speed'.split(' ');

/** Starts the preview server on a port; the 135M lies at /model.gguf. `folder` is served in place of the build. */
export async function serveExplorer(port, weights, folder = `${demo}dist`) {
  if (!existsSync(`${demo}dist/index.html`))
    throw new Error('docs/demo: expected a build; npm run demo makes it');
  const args = [
    'node_modules/vite/bin/vite.js',
    'preview',
    '--port',
    String(port),
    '--strictPort',
    '--outDir',
    folder,
  ];
  const env = { ...process.env, SMOLLM2_MODEL: weights };
  const server = spawn(process.execPath, args, { cwd: demo, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}/`;
  for (let tries = 0; tries < 400; tries++) {
    if (await fetch(url).catch(() => undefined)) break;
    await sleep(50);
  }
  return { url, stop: () => server.kill() };
}

/** A page whose errors are kept in `problems`. */
export async function openExplorer(context, url, hash, problems) {
  const page = await context.newPage();
  collectProblems(page, problems);
  await page.goto(`${url}${hash}`);
  await settled(page);
  return page;
}

/** Waits for a condition in the page, true or false (Firefox hands no elements over); the same for every driver. */
export async function until(page, condition, given, { timeout = 120_000 } = {}) {
  const end = Date.now() + timeout;
  while (!(await page.evaluate(condition, given))) {
    if (Date.now() > end)
      throw new Error(`page: expected ${condition} of ${JSON.stringify(given)} within ${timeout} ms`);
    await sleep(60);
  }
}

/** The shown view has its picture. */
export async function settled(page) {
  await sleep(60);
  await until(
    page,
    () =>
      document.querySelector('#view[aria-busy=false] h2') &&
      document.querySelector('#stop')?.disabled &&
      document.querySelector('#view')?.childElementCount > 1,
  );
}

/** Goes to a place of the explorer by its address. */
export async function goTo(page, hash) {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  // The address changes at once, what is shown a moment later.
  const [, view] = /^#lab\/(\w+)/.exec(hash) ?? [];
  if (view) await until(page, (name) => document.querySelector('#view').dataset.view === name, view);
  await settled(page);
}

/** What each stop of the tour asks for: where the focus goes, and the key. */
const DEEDS = [
  ['#next', 'Enter'],
  ['[data-focus=token-3]', 'Enter'],
  ['[data-focus="op-self_attn.q_proj"]', 'Enter'],
  ['[data-focus=op-layer]', 'Enter'],
  ['[data-focus=op-input_layernorm]', 'Enter'],
  ['[data-focus=head]', 'ArrowRight'],
  ['[data-focus="part-23.4"]', 'Enter'],
  ['[data-focus=shift]', 'ArrowRight'],
  ['[data-focus="op-mlp.act"]', 'Enter'],
  ['[data-focus=lens-layer]', 'ArrowLeft'],
  ['[data-focus=throw]', 'Enter'],
  ['#prompt-text', '!'],
];

/**
 * Tab until the focus is there, backwards where it lies before: headless Firefox loses the window's focus for good where
 * Tab passes through its own buttons. WebKitGTK's driver goes on from the first element again.
 */
async function tabTo(page, selector) {
  for (let tabs = 0; tabs < 160; tabs++) {
    const place = await page.evaluate((wanted) => {
      const { activeElement } = document;
      if (activeElement.matches(wanted)) return 'here';
      const target = document.querySelector(wanted);
      const isBefore =
        target && activeElement.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_PRECEDING;
      return isBefore ? 'before' : 'behind';
    }, selector);
    if (place === 'here') return;
    if (place === 'before') await page.keyboard.down?.('Shift');
    await page.keyboard.press('Tab');
    if (place === 'before') await page.keyboard.up?.('Shift');
  }
  throw new Error(`keyboard: expected Tab to reach ${selector}`);
}

/** Walks the tour with the keyboard alone, each stop ending with its deed; the focus can always be seen. */
export async function walkTour(page) {
  for (const [stop, [selector, key]] of DEEDS.entries()) {
    await until(page, (n) => location.hash.startsWith(`#tour/${n}`) || n === 1, stop + 1);
    await settled(page);
    await tabTo(page, selector);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    if (outline === 'none') throw new Error(`focus: expected an outline at ${selector}, got none`);
    await page.keyboard.press(key);
    await until(page, () => document.querySelector('.deed.done') !== null, undefined, { timeout: 20_000 });
    if (stop === DEEDS.length - 1) return;
    await tabTo(page, '#tour-next');
    await page.keyboard.press('Enter');
  }
}

/** Fetches the 135M from the page's own server and waits until it answers. */
export async function bringModel(page) {
  await page.locator('#model-chip').click();
  await page.locator('[data-focus=bring]').click();
  await page.getByText('The real model is ready.').first().waitFor({ timeout: 120_000 });
  await page.locator('[data-focus=close]').click();
  await settled(page);
}
