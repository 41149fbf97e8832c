// The site inside the explorer's Vite build: pages of the documents and of the course, sources that they speak of, a
// search that works offline, the service worker, and the two headers for hosts that read `_headers`.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as pagefind from 'pagefind';
import { apiPages } from './api.mjs';
import { blockModules, pageBlocks, runsInPage, scriptName } from './blocks.mjs';
import { exercisePages, learnIndex } from './course.mjs';
import { deadLinks } from './links.mjs';
import { renderer } from './markdown.mjs';
import { serviceWorker } from './service-worker.mjs';
import { smallNano } from './small-nano.mjs';
import { pages as documents, root } from './tree.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const SECTIONS = ['Learn', 'Use', 'Reference', 'Check', 'Inside', 'Log'];

export function site(headers) {
  const found = documents();
  return [
    blockModules(pageBlocks(found)),
    {
      name: 'site',
      apply: 'build',
      transformIndexHtml: { order: 'post', handler: (_, { bundle, path }) => (path === '/index.html' ? early(bundle) : []) },
      async closeBundle() {
        await build(found, headers);
      },
    },
  ];
}

/** What a first visit needs and the page's script would only ask for later: the first view, then the kernels. */
function early(bundle) {
  const link = (pattern, attrs) => {
    const file = Object.keys(bundle).find((name) => pattern.test(name));
    if (!file) throw new Error(`site: expected a built file ${pattern}, got none`);
    return { tag: 'link', injectTo: 'head', attrs: { ...attrs, href: `./${file}` } };
  };
  return [
    link(/first-view-.*\.json$/, { rel: 'preload', as: 'fetch', crossorigin: true }),
    ...['tokens', 'figure', 'svg'].map((name) => link(new RegExp(`/${name}-.*\\.js$`), { rel: 'modulepreload' })),
    link(/\/strict-single-.*\.wasm$/, { rel: 'prefetch' }),
  ];
}

async function build(found, headers) {
  const pages = [learnIndex(found), ...found.filter(({ section }) => section === 'Learn'), ...(await exercisePages()), ...found.filter(({ section }) => section !== 'Learn'), ...apiPages()];
  const template = readFileSync(join(dist, 'page.html'), 'utf8');
  rmSync(join(dist, 'page.html'));
  const sources = { files: new Set(), images: new Set(), folders: new Set() };
  const runnable = (place, code, isSlow) => (runsInPage(code, isSlow) ? scriptName(place) : undefined);
  const { render, colour } = await renderer({ pages, sources, runnable });
  const rendered = pages.map((page) => ({ page, ...(page.html ? { html: page.html, contents: [] } : render(page)) }));
  for (const [at, { page, html, contents }] of rendered.entries()) {
    const turn = turning(page, pages[at - 1], pages[at + 1]);
    write(page.url, filled(template, pages, page, `${html}${turn}${foot()}`, contents));
  }
  for (const file of sources.files) write(`source/${file}.html`, filled(template, pages, sourceOf(file), sourceHtml(file, colour), []));
  for (const folder of sources.folders) {
    const page = { ...sourceOf(folder), url: `source/${folder}/index.html` };
    write(page.url, filled(template, pages, page, folderHtml(folder, sources), []));
  }
  for (const image of sources.images) copy(image, `files/${image}`);
  writeFileSync(join(dist, '_headers'), `/*\n${Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`).join('\n')}\n`);
  writeFileSync(join(dist, 'nano.gguf.gzip'), gzipSync(await smallNano(), { level: 9 }));
  await trainTokens(found);
  const dead = deadLinks(dist);
  if (dead.length > 0) throw new Error(`site: expected every link to lead somewhere, got ${dead.length} that do not:\n${dead.join('\n')}`);
  await search();
  writeFileSync(join(dist, 'sw.js'), serviceWorker(dist));
  console.log(`site: ${pages.length} pages, ${sources.files.size} sources`);
}

function filled(template, pages, page, body, contents) {
  const rootPath = relative(dirname(page.url), '.') ? `${relative(dirname(page.url), '.')}/` : './';
  const isLearn = page.section === 'Learn';
  const list = contents.map(({ id, text, level }) => `<li class="${level}"><a href="#${id}">${escapeHtml(text)}</a></li>`);
  return template
    .replaceAll(/(href|src)="\.\/assets\//g, `$1="${rootPath}assets/`)
    .replaceAll('%ROOT%', rootPath)
    .replace('%TITLE%', () => escapeHtml(page.title))
    .replace('%LEARN%', isLearn ? 'aria-current="page"' : '')
    .replace('%DOCS%', isLearn ? '' : 'aria-current="page"')
    .replace('%TREE%', () => tree(pages, page))
    .replace('%CONTENTS%', () => (list.length > 1 ? `<ul>${list.join('')}</ul>` : ''))
    .replace('%BODY%', () => body);
}

function tree(pages, page) {
  const here = dirname(page.url);
  const isPhoneOpen = '';
  return SECTIONS.map((section) => {
    const own = pages.filter((one) => one.section === section);
    if (own.length === 0) return '';
    const items = own.map(({ url, title }) => `<li><a href="${relative(here, url)}"${url === page.url ? ' aria-current="page"' : ''}>${escapeHtml(title)}</a></li>`);
    return `<details${section === page.section ? ' open' : isPhoneOpen}><summary>${section}</summary><ul>${items.join('')}</ul></details>`;
  }).join('');
}

function turning(page, before, after) {
  const link = (to, text) => (to ? `<a href="${relative(dirname(page.url), to.url)}">${text(escapeHtml(to.title))}</a>` : '<span></span>');
  return `<nav class="turn" aria-label="Previous and next">${link(before, (title) => `← ${title}`)}${link(after, (title) => `${title} →`)}</nav>`;
}

let commit;
function foot() {
  commit ??= (() => {
    try {
      return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
    } catch {
      return 'a copy without history';
    }
  })();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return `<p class="foot">Version ${version}, built from ${commit}. The blocks of these pages are run by the tests.</p>`;
}

function sourceOf(file) {
  return { url: `source/${file}.html`, title: file, section: 'Source', file };
}

function sourceHtml(file, colour) {
  const text = readFileSync(join(root, file), 'utf8').slice(0, 200_000);
  const language = /\.([a-z]+)$/.exec(file)?.[1]?.replace('mjs', 'js').replace('yml', 'yaml') ?? 'text';
  const lines = colour(text, language).replace(/<span class="line">/g, (() => {
    let number = 0;
    return () => `<span class="line" id="L${++number}">`;
  })());
  return `<h1 class="wide"><code>${escapeHtml(file)}</code></h1>${lines}`;
}

function folderHtml(folder, sources) {
  const items = readdirSync(join(root, folder), { withFileTypes: true }).map((entry) => {
    const name = escapeHtml(entry.name);
    return sources.files.has(`${folder}/${entry.name}`) ? `<li><a href="${name}.html">${name}</a></li>` : `<li><code>${name}</code></li>`;
  });
  return `<h1><code>${escapeHtml(folder)}</code></h1><ul>${items.join('')}</ul>`;
}

function write(url, html) {
  const path = join(dist, url);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, html);
}

function copy(file, url) {
  mkdirSync(dirname(join(dist, url)), { recursive: true });
  copyFileSync(join(root, file), join(dist, url));
}

/** What the Train room learns from: sentences of this site's own pages, as ids of the nano model's vocabulary. */
async function trainTokens(found) {
  const { load } = await import(join(root, 'dist/node/index.js'));
  const nano = await load(new Uint8Array(readFileSync(join(root, 'models/nano.gguf'))), { threads: 1 });
  const paragraphs = found.flatMap(({ text }) => text.replace(/<!--[\s\S]*?-->|```[\s\S]*?```|^(\||    ).*$/gm, '').split(/\n\s*\n/));
  const text = paragraphs
    .map((one) => one.replace(/\]\([^)]*\)/g, ']').replace(/[#`*_[\]]/g, '').replace(/\s+/g, ' ').trim())
    .map((one) => one.split(/(?<=[.:;?!]) (?=[A-Z])/).filter(isSentence).join(' '))
    .filter((one) => one !== '')
    .join('\n');
  writeFileSync(join(dist, 'train-tokens.bin'), Uint16Array.from(nano.tokenizer.encode(text)));
  await nano.close();
}

/** Words alone, no numbers and no code: in 300 steps so small a model learns words from little text, or nothing. */
function isSentence(text) {
  return /^[A-Z][A-Za-z ,.:;'’?!()-]{24,}[.?!]$/.test(text);
}

async function search() {
  const { index } = await pagefind.createIndex({ forceLanguage: 'en' });
  for (const folder of ['docs', 'learn']) {
    if (statSync(join(dist, folder), { throwIfNoEntry: false })) await index.addDirectory({ path: dist, glob: `${folder}/**/*.html` });
  }
  await index.writeFiles({ outputPath: join(dist, 'pagefind') });
  await pagefind.close();
  // Only its core is used: the page has a search box of its own.
  for (const file of readdirSync(join(dist, 'pagefind'))) {
    if (/-ui\.|modular|highlight|component/.test(file)) rmSync(join(dist, 'pagefind', file));
  }
}

function escapeHtml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
