// Chromium for the engines that run in pages: a static server with the headers that shared memory needs, one page, and
// calls into it. The page is PAGE.page.js; it puts the functions of child.mjs on `window.engine`.

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/** The four functions of child.mjs, each carried out by the page of that name. */
export function pageEngine(pageName) {
  let server;
  let browser;
  let page;
  const call = (action) => (request) =>
    page.evaluate(([name, body]) => window.engine[name](body), [action, request]);
  return {
    async open(request) {
      server ??= await serve();
      browser ??= await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: flags,
        timeout: 60_000,
      });
      await page?.close();
      page = await browser.newPage();
      page.on('pageerror', (error) => console.error(String(error)));
      const origin = `http://127.0.0.1:${server.address().port}`;
      server.models = new Map(Object.entries({ '/model': request.model }));
      await page.goto(`${origin}/page/${pageName}`);
      await page.waitForFunction(() => window.engine, { timeout: 60_000 });
      const { version } = await call('open')({ ...request, model: `${origin}/model` });
      return { version: `${version} in Chromium ${browser.version()}` };
    },
    prefill: call('prefill'),
    decode: call('decode'),
    async close() {
      await browser?.close();
      server?.close();
    },
  };
}

/** Answers /page/NAME with a page that runs NAME.page.js, /model with the open model, all else from the repository. */
async function serve() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (pathname.startsWith('/page/')) {
      response.setHeader('Content-Type', 'text/html');
      response.end(
        `<!doctype html><script type="module" src="/bench/peers/${pathname.slice(6)}.page.js"></script>`,
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
    response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', stat.size);
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
