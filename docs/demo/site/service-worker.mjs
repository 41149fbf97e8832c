// The service worker of the built site: everything but models of others is kept when the page is first loaded, so that
// all of it works without a network from then on. Its own text changes with every file, which is what renews it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

export function serviceWorker(dist) {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(dist, file)).isFile() && !/^(sw\.js|_headers|source\/)/.test(relative('.', file)))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(dist, file)));
  const version = hash.digest('hex').slice(0, 16);
  // What the first view needs comes first; pages and search follow.
  const isFirst = (file) => /^(index\.html|assets\/)/.test(file);
  const first = files.filter(isFirst);
  const rest = files.filter((file) => !isFirst(file));
  return `// Made by site/service-worker.mjs.
// Versions of the site lie beside each other in one browser: each clears its own old files only.
const OWN = \`site-\${registration.scope}-\`;
const NAME = \`\${OWN}${version}\`;
const FIRST = ${JSON.stringify(first)};
const REST = ${JSON.stringify(rest)};

addEventListener('install', (event) => {
  event.waitUntil(install());
});

// One after the other: the page's own requests find the line free.
async function install() {
  const cache = await caches.open(NAME);
  for (const file of FIRST) await cache.add(file);
  await skipWaiting();
}

addEventListener('activate', (event) => {
  event.waitUntil(clear().then(() => clients.claim()));
});

async function clear() {
  for (const name of await caches.keys()) if (name.startsWith(OWN) && name !== NAME) await caches.delete(name);
}

// The page asks for the rest when it is idle, and is told when all is there.
addEventListener('message', (event) => {
  if (event.data === 'keep-all') event.waitUntil(keepAll(event.source));
});

async function keepAll(page) {
  const cache = await caches.open(NAME);
  let missing = 0;
  for (const file of REST) {
    if (!(await cache.match(file))) await cache.add(file).catch(() => missing++);
  }
  if (missing === 0) page?.postMessage('kept-all');
}

addEventListener('fetch', (event) => {
  const { method, url, headers } = event.request;
  if (method !== 'GET' || !url.startsWith(registration.scope) || url.endsWith('/model.gguf') || headers.has('range')) return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(NAME);
  const address = new URL(request.url);
  address.search = '';
  address.hash = '';
  if (address.pathname.endsWith('/')) address.pathname += 'index.html';
  return (await cache.match(address.href)) ?? fetch(request);
}
`;
}
