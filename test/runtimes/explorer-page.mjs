// The built explorer, served as `npm run demo` does, and what the tests of it have in common.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const demo = fileURLToPath(new URL('../../docs/demo/', import.meta.url));

/** Every view of the Lab. */
export const VIEWS =
  'tokens journey attention lens sum softmax branches cache surgery debugger bits speed'.split(' ');

/** Starts the preview server on a port; the 135M lies at /model.gguf. */
export async function serveExplorer(port, weights) {
  if (!existsSync(`${demo}dist/index.html`))
    throw new Error('docs/demo: expected a build; npm run demo makes it');
  const args = ['node_modules/vite/bin/vite.js', 'preview', '--port', String(port), '--strictPort'];
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
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(`${url}${hash}`);
  await settled(page);
  return page;
}

/** The shown view has its picture. */
export async function settled(page) {
  await page.waitForTimeout(60);
  await page.waitForFunction(
    () =>
      document.querySelector('#view[aria-busy=false] h2') &&
      document.querySelector('#stop')?.disabled &&
      document.querySelector('#view')?.childElementCount > 1,
    undefined,
    { timeout: 120_000 },
  );
}

/** Fetches the 135M from the page's own server and waits until it answers. */
export async function bringModel(page) {
  await page.locator('#model-chip').click();
  await page.locator('[data-focus=bring]').click();
  await page.getByText('The real model is ready.').first().waitFor({ timeout: 120_000 });
  await page.locator('[data-focus=close]').click();
  await settled(page);
}
