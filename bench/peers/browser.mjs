// Chromium for the engines that run in pages: a static server with the headers that shared memory needs, one page, and
// calls into it. The page is PAGE.page.js; it puts the functions of child.mjs on `window.engine`. What pages cost beside
// time is seen here: bytes that they were sent, and the memory of the browser's processes.

import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const types = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};
/** Modules that transformers.js imports by name. */
const ort = '/bench/peers/node_modules/@huggingface/transformers/node_modules/';
const imports = {
  'onnxruntime-web/webgpu': `${ort}onnxruntime-web/dist/ort.webgpu.bundle.min.mjs`,
  'onnxruntime-common': `${ort}onnxruntime-common/dist/esm/index.js`,
};

/** The functions of child.mjs, each carried out by the page of that name. */
export function pageEngine(pageName) {
  let server;
  let browser;
  let page;
  let blankBytes = 0;
  let peakBytes = 0;
  let isBusy = false;
  let watching;
  const watch = async () => {
    for (; isBusy; await sleep(100)) peakBytes = Math.max(peakBytes, await memoryOf(browser));
  };
  const call = (action) => async (request) => {
    await watching;
    isBusy = true;
    watching = watch();
    try {
      return await page.evaluate(([name, body]) => window.engine[name](body), [action, request]);
    } finally {
      isBusy = false;
    }
  };
  return {
    async open(request) {
      server ??= await serve();
      browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags, timeout: 60_000 });
      page = await browser.newPage();
      await page.goto('about:blank');
      blankBytes = await memoryOf(browser);
      page.on('pageerror', (error) => console.error(String(error)));
      const origin = `http://127.0.0.1:${server.address().port}`;
      server.models = new Map(Object.entries({ '/model': request.model }));
      const start = performance.now();
      await page.goto(`${origin}/page/${pageName}`);
      await page.waitForFunction(() => window.engine, { timeout: 60_000 });
      const { version } = await call('open')({ ...request, model: `${origin}/model` });
      return {
        version: `${version} in Chromium ${browser.version()}`,
        openMs: performance.now() - start,
      };
    },
    async footprint() {
      const gzipBytes = [...server.sent.values()].reduce((sum, file) => sum + gzipSync(file).length, 0);
      return { footprint: { peakBytes: peakBytes - blankBytes, gzipBytes } };
    },
    prefill: call('prefill'),
    decode: call('decode'),
    async close() {
      await watching;
      await browser?.close();
      server?.close();
    },
  };
}

/** Bytes that the browser's processes have for themselves now: the pages of its program, which they share, left out. */
async function memoryOf(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const family = new Set(processInfo.map(({ id }) => id));
  let bytes = 0;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const status = statusOf(name);
    if (family.has(Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]))) family.add(Number(name));
    if (!family.has(Number(name))) continue;
    for (const [, size] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB/gm)) bytes += 1024 * Number(size);
  }
  return bytes;
}

function statusOf(id) {
  try {
    return readFileSync(`/proc/${id}/status`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

/** Answers /page/NAME with a page that runs NAME.page.js, /model with the open model (ranges of it too), else files of the repository. */
async function serve() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (pathname.startsWith('/page/')) {
      response.setHeader('Content-Type', 'text/html');
      response.end(
        `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module" src="/bench/peers/${pathname.slice(6)}.page.js"></script>`,
      );
      return;
    }
    const [, mount, ...rest] = pathname.split('/');
    const path =
      mount === 'model'
        ? join(server.models.get('/model'), ...rest)
        : join(repository, normalize(decodeURIComponent(pathname)));
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    if (mount !== 'model') server.sent.set(path, readFileSync(path));
    response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, stat.size - 1];
    if (range) {
      response.statusCode = 206;
      response.setHeader('Content-Range', `bytes ${start}-${end}/${stat.size}`);
    }
    response.setHeader('Content-Length', end - start + 1);
    createReadStream(path, { start, end }).pipe(response);
  });
  server.sent = new Map(); // zipped when all is measured
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
