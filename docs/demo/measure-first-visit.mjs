// `npm run measure-first-visit`, after a build: a first visit with a cold cache, on a processor four times slower and a
// line of 1.6 Mb/s with 150 ms to and fro. Prints when something true can be seen and used, when the nano model has
// answered what was typed, the layout's figures, and the slowest reaction to a key or a click.
//
// The line is the server's: every byte of page, workers and service worker goes through one bucket. The processor is
// the renderer's, all threads of it, stopped three quarters of the time; `--cdp` slows its main thread only, as the
// developer tools do.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from '../../test/runtimes/node_modules/playwright-core/index.mjs';

const BYTES_PER_SECOND = 200_000;
const TRIP_MS = 150;
const SLOWER = 4;
const SLICE_MS = 24;
const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const isCdp = process.argv.includes('--cdp');
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};
const headers = Object.fromEntries(
  readFileSync(`${dist}_headers`, 'utf8')
    .split('\n')
    .flatMap((line) => (/^ {2}([\w-]+): (.*)$/.exec(line) ? [[RegExp.$1, RegExp.$2]] : [])),
);

const requests = [];
/** What is on the line: pieces of answers in turn, as fast as it carries them. */
const waiting = [];
const begun = performance.now();
let sent = 0;
setInterval(() => {
  let budget = (BYTES_PER_SECOND * (performance.now() - begun)) / 1000 - sent;
  if (waiting.length === 0) sent += Math.max(0, budget);
  while (budget > 0 && waiting.length > 0) {
    const one = waiting.shift();
    const piece = one.body.subarray(one.at, one.at + 1400);
    one.at += piece.length;
    one.response.write(piece);
    sent += piece.length;
    budget -= piece.length;
    if (one.at < one.body.length) waiting.push(one);
    else {
      one.response.end();
      one.entry.end = performance.now();
    }
  }
}, 5);

const server = createServer((request, response) => {
  let path = new URL(request.url, 'http://local').pathname;
  if (path.endsWith('/')) path += 'index.html';
  const entry = { path, begin: performance.now() };
  requests.push(entry);
  setTimeout(() => {
    const file = join(dist, path);
    if (!statSync(file, { throwIfNoEntry: false })) return response.writeHead(404).end();
    const type = TYPES[extname(file)];
    const body = type ? gzipSync(readFileSync(file)) : readFileSync(file);
    response.writeHead(200, {
      ...headers,
      'content-type': type ?? 'application/octet-stream',
      'content-length': body.length,
      'cache-control': 'max-age=600',
      ...(type && { 'content-encoding': 'gzip' }),
    });
    entry.size = body.length;
    waiting.push({ response, body, at: 0, entry });
  }, TRIP_MS);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-component-update', '--disable-background-networking'],
});

/** Renderers of our browser: what this script's own process started, and what that started. */
function renderers(parent = process.pid) {
  const found = [];
  try {
    for (const thread of readdirSync(`/proc/${parent}/task`)) {
      const children = readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean);
      for (const pid of children.map(Number)) {
        found.push(...renderers(pid));
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) found.push(pid);
      }
    }
  } catch {
    // Gone already.
  }
  return found;
}

/** Looked for at every turn: a page with the two headers is moved to a renderer of its own when its first bytes come. */
function slowDown() {
  let isRunning = true;
  let slowed;
  const signal = (name) => {
    for (const pid of renderers()) {
      try {
        process.kill(pid, name);
      } catch {
        // Gone already.
      }
    }
  };
  const turn = () => {
    isRunning = !isRunning;
    signal(isRunning ? 'SIGCONT' : 'SIGSTOP');
    slowed = setTimeout(turn, isRunning ? SLICE_MS / SLOWER : SLICE_MS - SLICE_MS / SLOWER);
  };
  turn();
  return () => {
    clearTimeout(slowed);
    signal('SIGCONT');
  };
}

/** Milliseconds that this much work takes: what "four times slower" is held against. */
const work = () =>
  page.evaluate(() => {
    const begin = performance.now();
    let sum = 0;
    for (let i = 0; i < 2e7; i++) sum = (sum * 31 + i) | 0;
    return performance.now() - begin + (sum & 0);
  });

/** Each view of the laboratory is entered and used; prints its slowest reaction. */
async function views() {
  await page.locator('#rooms a').nth(1).click();
  const tabs = page.locator('[role=tab]');
  for (let at = 0; at < (await tabs.count()); at++) {
    await page.evaluate(() => {
      globalThis.seen.slowest = 0;
    });
    await tabs.nth(at).click();
    await page.waitForTimeout(700);
    const controls = page.locator('#view button:visible:enabled');
    for (const place of [0, 1, -1]) {
      await controls.nth(place).click({ timeout: 300 }).catch(() => undefined);
      await page.waitForTimeout(500);
    }
    const { slowest, slowestWhat } = await page.evaluate(() => globalThis.seen);
    say(`slowest reaction in ${await tabs.nth(at).textContent()}`, `${slowest} ms  ${slowestWhat}`);
  }
}

const context = await browser.newContext({ viewport: { width: 412, height: 823 } });
const page = await context.newPage();
await page.goto('about:blank');
await page.addInitScript(() => {
  const seen = { shift: 0, shifts: [], largest: 0, slowest: 0 };
  globalThis.seen = seen;
  const watch = (type, take, more = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  watch('layout-shift', (one) => {
    if (one.hadRecentInput) return;
    seen.shift += one.value;
    const what = one.sources.map(({ node }) => node?.outerHTML?.slice(0, 60) ?? 'text').join(' and ');
    seen.shifts.push(`${one.value.toFixed(4)} at ${(one.startTime / 1000).toFixed(2)} s: ${what}`);
  });
  watch('largest-contentful-paint', (one) => {
    seen.largest = one.startTime;
    seen.largestWhat = one.element?.outerHTML.slice(0, 80);
  });
  const interactions = (one) => {
    if (!one.interactionId || one.duration <= seen.slowest) return;
    seen.slowest = one.duration;
    const [from, to] = [one.processingStart, one.processingEnd].map((time) => Math.round(time - one.startTime));
    seen.slowestWhat = `${one.name}: handled from ${from} to ${to} ms`;
  };
  watch('event', interactions, { durationThreshold: 16 });
});
if (isCdp) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
}
const stopSlowing = isCdp ? () => undefined : slowDown();
const begin = performance.now();
const since = () => `${((performance.now() - begin) / 1000).toFixed(2)} s`;
const say = (what, value) => console.log(`${what.padEnd(52)} ${value}`);
try {
  void page.goto(url).catch(() => undefined);
  const text = (selector, pattern) =>
    page.waitForFunction(
      ([one, wanted]) => new RegExp(wanted).test(document.querySelector(one)?.textContent ?? ''),
      [selector, pattern],
      { polling: 20, timeout: 60_000 },
    );
  await text('#view .picture desc, #view', 'Paris');
  say('the answered sentence is shown', since());
  await page.locator('#next').click();
  await text('#said', 'Paris');
  say('a press of "next token" has its answer', since());
  await page.locator('#prompt-text').focus();
  await page.keyboard.insertText('ROMEO. ');
  await text('#model-chip', 'nano');
  await page.waitForFunction(
    () => document.querySelector('#view').ariaBusy === 'false' && document.querySelector('#view .chip'),
    undefined,
    { polling: 20, timeout: 90_000 },
  );
  say('nano has answered what was typed at once', since());
  const bytes = requests.filter(({ end }) => end).reduce((sum, { size }) => sum + size, 0);
  say('bytes on the line until then', `${(bytes / 1000).toFixed(0)} kB`);
  for (const key of ['A', ' ', 'l', 'i', 'g', 'h', 't']) await page.keyboard.press(key, { delay: 30 });
  await page.waitForTimeout(1500);
  await page.locator('#next').click();
  await page.waitForTimeout(1500);
  await page.locator('.chip').first().click();
  await page.waitForTimeout(1500);
  const seen = await page.evaluate(() => globalThis.seen);
  say('largest contentful paint (≤ 2.5 s)', `${(seen.largest / 1000).toFixed(2)} s  ${seen.largestWhat ?? ''}`);
  say('layout shift (≤ 0.05)', seen.shift.toFixed(4));
  say('slowest reaction to a key or click (≤ 200 ms)', `${seen.slowest} ms  ${seen.slowestWhat ?? ''}`);
  if (process.argv.includes('--views')) await views();
  const slow = Math.min(await work(), await work());
  stopSlowing();
  if (!isCdp) say('the processor was slower', `${(slow / Math.min(await work(), await work())).toFixed(1)} times`);
  if (process.argv.includes('--requests')) {
    for (const one of seen.shifts) console.log(`  ${one}`);
    for (const one of requests.slice(0, 60)) {
      const at = (time) => (time ? ((time - begin) / 1000).toFixed(2) : '…');
      console.log(`  ${at(one.begin)} to ${at(one.end)}  ${one.size ?? ''}  ${one.path}`);
    }
  }
} finally {
  stopSlowing();
  await browser.close();
  server.close();
  server.closeAllConnections();
  process.exit();
}
