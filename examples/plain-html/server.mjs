// node server.mjs MODEL.gguf [PORT]: a static server with the two headers that give a page threads.

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const [model = 'model.gguf', port = '8080'] = process.argv.slice(2);
const here = fileURLToPath(new URL('./', import.meta.url));
const browserDoor = fileURLToPath(new URL('../bundle/', import.meta.resolve('smollm2')));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://local').pathname));
  const file =
    path === '/'
      ? join(here, 'index.html')
      : path === '/model.gguf'
        ? model
        : path.startsWith('/smollm2/') && join(browserDoor, path.slice(9));
  const found = file && statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return response.writeHead(404).end();
  const headers = {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'accept-ranges': 'bytes',
    etag: `"${found.size}-${Math.trunc(found.mtimeMs)}"`,
  };
  // An interrupted download asks for the rest.
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isRest = start > 0 && start < found.size && request.headers['if-range'] === headers.etag;
  if (isRest) headers['content-range'] = `bytes ${start}-${found.size - 1}/${found.size}`;
  headers['content-length'] = found.size - (isRest ? start : 0);
  response.writeHead(isRest ? 206 : 200, headers);
  createReadStream(file, { start: isRest ? start : 0 }).pipe(response);
}).listen(Number(port), '127.0.0.1', () => console.log(`http://localhost:${port}`));
