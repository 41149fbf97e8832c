// Every link of the built pages leads somewhere: to a file, and to an element of it where a fragment is named.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What leads nowhere, each as `page: link`; addresses of other hosts are left alone. */
export function deadLinks(dist) {
  const pages = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
  const texts = new Map(pages.map((page) => [page, readFileSync(join(dist, page), 'utf8')]));
  const ids = new Map([...texts].map(([page, text]) => [page, new Set(found(text, /<[a-z][^<>]*?\sid="([^"]*)"/g))]));
  return [...texts].flatMap(([page, text]) =>
    found(text, /<[a-z][^<>]*?\s(?:href|src)="([^"]*)"/g)
      .filter((link) => isDead(dist, page, link, ids))
      .map((link) => `${page}: ${link}`),
  );
}

function isDead(dist, page, link, ids) {
  if (/^(https?|data|mailto):/.test(link)) return false;
  const { pathname, hash, host } = new URL(link.replaceAll('&amp;', '&'), `https://site/${page}`);
  const file = decodeURIComponent(pathname.slice(1)).replace(/(^|\/)$/, '$1index.html');
  if (host !== 'site' || !existsSync(join(dist, file))) return true;
  // The explorer's own addresses (index.html#lab/lens) are read by its script.
  return hash !== '' && file !== 'index.html' && !ids.get(file)?.has(decodeURIComponent(hash.slice(1)));
}

function found(text, pattern) {
  return [...text.matchAll(pattern)].map(([, value]) => value);
}
