// The search box: pagefind's index lies beside the pages and works offline.

import { byId, h } from '../ui/dom.ts';

interface Index {
  init(): Promise<void>;
  debouncedSearch(text: string): Promise<{ results: { data(): Promise<Found> }[] } | null>;
}
interface Found {
  readonly url: string;
  readonly excerpt: string;
  readonly meta: { readonly title?: string };
}

const SHOWN = 8;

export function startSearch(root: URL): void {
  const dialog = byId<HTMLDialogElement>('search');
  const field = byId<HTMLInputElement>('search-text');
  let loading: Promise<Index> | undefined;
  // Typing may begin before the index is there: every search waits for it.
  const loaded = () => {
    loading ??= load(new URL('pagefind/pagefind.js', root).href).catch((error) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const open = () => {
    dialog.showModal();
    void loaded().catch(() => undefined);
  };
  byId('search-open').addEventListener('click', open);
  byId('search-close').addEventListener('click', () => dialog.close());
  addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.closest('input, textarea, select');
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });
  field.addEventListener('input', async () => {
    const index = await loaded().catch(() => undefined);
    const found = await index?.debouncedSearch(field.value);
    if (!found) return;
    const pages = await Promise.all(found.results.slice(0, SHOWN).map((one) => one.data()));
    byId('search-found').replaceChildren(...pages.map((page) => entry(page, root)));
  });
}

async function load(script: string): Promise<Index> {
  const index = (await import(/* @vite-ignore */ script)) as Index;
  await index.init();
  return index;
}

function entry({ url, excerpt, meta }: Found, root: URL): HTMLElement {
  const text = h('p', { class: 'muted' });
  // The excerpt holds <mark> and escaped text only.
  for (const [at, part] of excerpt.split(/<\/?mark>/).entries()) {
    const plain = part.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    text.append(at % 2 === 1 ? h('mark', {}, plain) : plain);
  }
  const address = new URL(url.replace(/^\//, ''), root).href;
  return h('li', {}, h('a', { href: address }, meta.title ?? url), text);
}
