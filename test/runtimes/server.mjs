// A static server with ranges and the headers under test: isolation, a strict Content-Security-Policy, and faults on
// demand.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What docs/guides/browser.md says is enough. */
export const STRICT_CSP =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'";

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/**
 * Serves `mounts` ({ '/prefix/': folder or file }). `faults` may be changed while the server runs: `cutAfter` cuts
 * the next answer of a weights file after so many bytes, `corrupt` flips a bit at that offset of every answer,
 * `status` refuses weights, `page` answers with a web page (200), `stall` sends nothing after `cutAfter` bytes, `tag` is
 * the ETag of every answer whatever If-Range asks for, and files whose path fits `missing` are not there.
 */
export async function startServer(mounts, { isolated = true, csp, port = 0 } = {}) {
  const faults = {};
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://local').pathname);
    requests.push({ path, range: request.headers.range });
    const mount = Object.keys(mounts).find((prefix) => path.startsWith(prefix));
    const rest = normalize(mount ? path.slice(mount.length) : '..');
    if (rest.startsWith('..')) return response.writeHead(404).end();
    let file = rest === '.' || rest === '' ? mounts[mount] : join(mounts[mount], rest);
    let found = await stat(file).catch(() => undefined);
    if (found?.isDirectory()) {
      file = join(file, 'index.html');
      found = await stat(file).catch(() => undefined);
    }
    if (!found || faults.missing?.test(path)) return response.writeHead(404).end();
    const headers = {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'cache-control': 'no-store',
      etag: `"${found.size}-${Math.trunc(found.mtimeMs)}"`,
      'accept-ranges': 'bytes',
      ...(isolated && ISOLATION),
      ...(csp && { 'content-security-policy': csp }),
    };
    send(request, response, file, found.size, headers, file.endsWith('.gguf') ? faults : {});
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    faults,
    requests,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(request, response, file, size, headers, faults) {
  if (faults.status) return response.writeHead(faults.status, headers).end();
  if (faults.page !== undefined) {
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/html',
      'content-length': faults.page.length,
    });
    return response.end(faults.page);
  }
  if (faults.tag) headers.etag = faults.tag;
  const { range, 'if-range': ifRange } = request.headers;
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  const isPart = match && (!ifRange || ifRange === headers.etag || faults.tag);
  const begin = isPart ? Number(match[1]) : 0;
  const end = isPart && match[2] ? Math.min(Number(match[2]), size - 1) : size - 1;
  if (begin >= size) return response.writeHead(416, { ...headers, 'content-range': `bytes */${size}` }).end();
  if (isPart) headers['content-range'] = `bytes ${begin}-${end}/${size}`;
  headers['content-length'] = end - begin + 1;
  response.writeHead(isPart ? 206 : 200, headers);
  if (request.method === 'HEAD') return response.end();
  const { cutAfter, corrupt } = faults;
  faults.cutAfter = undefined;
  const last = cutAfter === undefined ? end : Math.min(end, begin + cutAfter - 1);
  let at = begin;
  createReadStream(file, { start: begin, end: last })
    .on('data', (piece) => {
      if (corrupt >= at && corrupt < at + piece.length) piece[corrupt - at] ^= 1;
      at += piece.length;
    })
    .on('end', () => cutAfter !== undefined && !faults.stall && setTimeout(() => response.destroy(), 50))
    .pipe(response, { end: cutAfter === undefined });
}
