// `npm run screenshots`, after a build: every view and room at three widths in both themes, into docs/screenshots.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from '../../test/runtimes/node_modules/playwright-core/index.mjs';
import { smallPng } from './small-png.mjs';

const PORT = 8127;
/** Nobody waits at the screen. */
const LONGEST_MS = 600_000;
const WIDTHS = [320, 768, 1280];
const THEMES = ['light', 'dark'];
const here = fileURLToPath(new URL('./', import.meta.url));
const folder = fileURLToPath(new URL('../screenshots/', import.meta.url));
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

const nano = 'm=nano&p=ROMEO.%20What%20light%20through';
const PLACES = {
  'first-visit': 'index.html#tour/1',
  'tour-surgery': 'index.html#tour/7?off=23.4',
  'tour-rope': 'index.html#tour/8',
  tokens: `index.html#lab/tokens?${nano}`,
  journey: 'index.html#lab/journey?at=model.layers.23.mlp.act',
  attention: 'index.html#lab/attention',
  lens: 'index.html#lab/lens',
  sum: 'index.html#lab/sum',
  softmax: 'index.html#lab/softmax?T=1.5',
  branches: `index.html#lab/branches?${nano}&a=371.12`,
  cache: `index.html#lab/cache?${nano}`,
  surgery: 'index.html#lab/surgery?off=23.4',
  compare: 'index.html#lab/lens?off=23.4&both=1',
  debugger: `index.html#lab/debugger?${nano}`,
  bits: 'index.html#lab/bits?m=nano',
  speed: `index.html#lab/speed?${nano}`,
  train: 'index.html#train',
  learn: 'learn/index.html',
  exercise: 'learn/exercise-rope.html',
  document: 'docs/components/rope.html',
};

const wanted = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const vite = ['node_modules/vite/bin/vite.js', 'preview', '--port', String(PORT), '--strictPort'];
const server = spawn(process.execPath, vite, { cwd: here, stdio: 'ignore' });
const address = `http://127.0.0.1:${PORT}/`;
for (let tries = 0; tries < 200; tries++) {
  if (await fetch(address).catch(() => undefined)) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const browser = await chromium.launch({
  executablePath: EXECUTABLE,
  args: ['--no-sandbox', '--disable-gpu'],
});

function isDrawn() {
  const view = document.querySelector('#view');
  return !view || (view.ariaBusy === 'false' && view.childElementCount > 1);
}

try {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      const viewport = { width, height: width < 700 ? 720 : 860 };
      const page = await browser.newPage({ viewport, colorScheme });
      page.setDefaultTimeout(LONGEST_MS);
      for (const [name, place] of Object.entries(PLACES)) {
        if (wanted.length > 0 && !wanted.includes(name)) continue;
        await page.goto('about:blank');
        await page.goto(`${address}${place}`);
        await page.waitForFunction(isDrawn, undefined);
        await page.waitForTimeout(250);
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        const taken = await page.screenshot({
          fullPage: true,
          clip: { x: 0, y: 0, width, height: Math.min(height, width === 320 ? 1200 : 860) },
        });
        writeFileSync(`${folder}${name}-${width}-${colorScheme}.png`, smallPng(taken));
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  server.kill();
}
