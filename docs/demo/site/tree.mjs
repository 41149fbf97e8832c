// Which documents make the site, and where each stands. A document that is not named here still gets a page, behind
// those that are.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

const SECTIONS = [
  ['Use', ['README.md', 'docs/guides/library.md', 'docs/guides/cli.md', 'docs/guides/browser.md', 'docs/guides/edge.md', 'docs/guides/server.md', 'docs/guides/structured-output.md', 'docs/guides/train.md', 'docs/guides/curate.md', 'docs/guides/evaluate.md']],
  ['Reference', ['docs/glossary.md', /^docs\/components\//, /^docs\/training\//, /^docs\/data\//]],
  ['Check', ['docs/model.md', 'docs/numerics.md', 'docs/guides/diff.md', 'docs/guides/verify-your-own.md', 'docs/inspect.md', 'vectors/README.md']],
  ['Inside', ['docs/README.md', 'docs/walk.md', 'docs/architecture.md', 'docs/speed.md', 'docs/results.md', 'docs/demo/README.md', 'models/nano.md']],
  ['Log', ['docs/log.md', 'CHANGELOG.md']],
];

/** Every page: { file, url, title, section, text }, in reading order. */
export function pages() {
  const files = [...markdownBelow('docs'), 'README.md', 'CHANGELOG.md', 'vectors/README.md', 'models/nano.md'].filter(
    (file) => existsSync(join(root, file)),
  );
  const left = new Set(files);
  const found = chapters();
  for (const [section, wanted] of SECTIONS) {
    for (const want of wanted) {
      const matching = typeof want === 'string' ? [want] : files.filter((file) => want.test(file)).sort(readmeFirst);
      for (const file of matching) {
        if (left.delete(file)) found.push(page(file, section));
      }
    }
  }
  for (const file of [...left].sort()) found.push(page(file, 'Inside'));
  return found;
}

function chapters() {
  const course = join(root, 'course');
  if (!existsSync(course)) return [];
  return readdirSync(course)
    .filter((name) => existsSync(join(course, name, 'page.md')))
    .sort()
    .map((name) => ({ ...page(`course/${name}/page.md`, 'Learn'), url: `learn/${name}.html`, folder: name }));
}

function page(file, section) {
  const text = readFileSync(join(root, file), 'utf8');
  const title = (/^# (.+)$/m.exec(text)?.[1] ?? file).replace(/[`*]/g, '');
  return { file, section, title, text, url: urlOf(file) };
}

function urlOf(file) {
  if (file === 'README.md') return 'docs/index.html';
  if (file === 'docs/README.md') return 'docs/reading-order.html';
  return `docs/${file.replace(/^docs\//, '')}`.replace(/README\.md$/, 'index.html').replace(/\.md$/, '.html');
}

function readmeFirst(a, b) {
  return Number(b.endsWith('README.md')) - Number(a.endsWith('README.md')) || (a < b ? -1 : 1);
}

function markdownBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/node_modules|(^|\/)dist\//.test(file))
    .map((file) => join(folder, file));
}
