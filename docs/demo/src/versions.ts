// A site that is kept in several versions (site/release.mjs) tells a visitor of another one where the newest is.

import { h } from './ui/dom.ts';
import { t } from './ui/text.ts';

interface Versions {
  readonly latest: string;
}

/** @param root where this version's pages lie */
export async function sayIfNotNewest(root: URL): Promise<void> {
  const version = document.querySelector<HTMLMetaElement>('meta[name="site-version"]')?.content;
  if (!version) return;
  const answer = await fetch(new URL('../versions.json', root)).catch(() => undefined);
  const { latest } = ((await answer?.json().catch(() => undefined)) ?? {}) as Partial<Versions>;
  if (!latest || latest === version) return;
  const newest = new URL(`../${latest}/`, root);
  const same = document.querySelector<HTMLLinkElement>('link[rel="canonical"]')?.href ?? '';
  const page = new URL(same, location.href).pathname.split(`/${latest}/`)[1];
  const to = new URL(page ?? 'index.html', newest);
  const banner = h('p', { class: 'version', role: 'note' }, t('page.version', { version }), ' ');
  banner.append(h('a', { href: to.href }, t('page.newest', { latest })));
  document.querySelector('header.top')?.after(banner);
}
