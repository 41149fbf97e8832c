// Puts the built site into a folder of versions, which is what a host serves: FOLDER/v0.1/, FOLDER/next/, and at its
// root versions.json, an index.html that leads to the newest, and the two headers. A version's text is never changed by
// a later one; only its canonical links are pointed at the newest page of the same name.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = 'usage: npm run release -- FOLDER [--next] [--origin https://example.org/smollm2/]';
const built = fileURLToPath(new URL('../dist/', import.meta.url));
const VERSION = /^v(\d+)\.(\d+)$/;
const MARKS = /<meta name="site-version"[^>]*>|<link rel="canonical"[^>]*>/g;

/** @param name the version's folder: `vMAJOR.MINOR`, or `next` */
export function release(folder, name, origin) {
  if (!existsSync(join(built, 'sw.js'))) throw new Error(`release: expected a built site at ${built}, got none; npm run build`);
  mkdirSync(folder, { recursive: true });
  if (existsSync(join(folder, 'index.html')) && !existsSync(join(folder, 'versions.json'))) {
    throw new Error(`${folder}: expected a folder of versions or a new one, got one with an index.html of its own`);
  }
  // Beside it first: a host that serves the folder meanwhile never sees half a version.
  const fresh = join(folder, `.${name}`);
  rmSync(fresh, { recursive: true, force: true });
  cpSync(built, fresh, { recursive: true });
  rmSync(join(folder, name), { recursive: true, force: true });
  renameSync(fresh, join(folder, name));
  renameSync(join(folder, name, '_headers'), join(folder, '_headers'));
  const versions = readdirSync(folder).filter((one) => one === 'next' || VERSION.test(one)).sort(newestFirst);
  const [latest] = versions;
  for (const version of versions) markPages(folder, version, latest, origin);
  writeFileSync(join(folder, 'versions.json'), `${JSON.stringify({ latest, versions })}\n`);
  writeFileSync(join(folder, 'index.html'), door(`./${latest}/index.html`));
  return { latest, versions };
}

/** Released ones by number, newest first; `next` behind them: it is nobody's newest until it is released. */
function newestFirst(a, b) {
  const [x, y] = [a, b].map((name) => VERSION.exec(name)?.slice(1).map(Number) ?? [-1, 0]);
  return y[0] - x[0] || y[1] - x[1];
}

function markPages(folder, version, latest, origin) {
  const pages = readdirSync(join(folder, version), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
  for (const page of pages) {
    const path = join(folder, version, page);
    const address = page.replaceAll('\\', '/');
    const home = existsSync(join(folder, latest, page)) ? latest : version;
    const base = origin ?? '../'.repeat(address.split('/').length);
    const marks = `<meta name="site-version" content="${version}"><link rel="canonical" href="${base}${home}/${address}">`;
    const text = readFileSync(path, 'utf8');
    const marked = text.replace(MARKS, '').replace('</head>', () => `${marks}</head>`);
    if (marked !== text) writeFileSync(path, marked);
  }
}

function door(address) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <link rel="icon" href="data:," />
    <meta http-equiv="refresh" content="0; url=${address}" />
    <link rel="canonical" href="${address}" />
    <title>SmolLM2, inside</title>
  </head>
  <body><p><a href="${address}">The newest version</a></p></body>
</html>
`;
}

function main() {
  const { values, positionals } = parseArgs({
    options: { next: { type: 'boolean' }, origin: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help || positionals.length !== 1) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  if (values.origin !== undefined && !/^https?:\/\/[^"<>\s]+\/$/.test(values.origin)) {
    throw new Error(`--origin: expected an address that ends in a slash, got ${values.origin}`);
  }
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const name = values.next ? 'next' : `v${version.split('.').slice(0, 2).join('.')}`;
  // npm runs scripts in the package's folder; FOLDER is meant where npm was called.
  const folder = resolve(process.env.INIT_CWD ?? '.', positionals[0]);
  const { latest, versions } = release(folder, name, values.origin);
  console.log(`released ${name} into ${folder}: ${versions.join(', ')}; the newest is ${latest}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
