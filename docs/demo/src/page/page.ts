// What pages of text do: theme, search, blocks that run, exercises.

import { keepOffline, loaded } from '../offline.ts';
import { byId } from '../ui/dom.ts';
import { sayIfNotNewest } from '../versions.ts';
import { startBlocks } from './blocks.ts';
import { startSearch } from './search.ts';

const root = document.body.dataset.root ?? './';
const kept = localStorage.getItem('theme');
if (kept) document.documentElement.dataset.theme = kept;
byId('theme').addEventListener('click', () => {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme
    ? dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = isDark ? 'light' : 'dark';
  localStorage.setItem('theme', dataset.theme);
  for (const { contentDocument } of document.querySelectorAll<HTMLIFrameElement>('iframe.widget')) {
    if (contentDocument) contentDocument.documentElement.dataset.theme = dataset.theme;
  }
});
// On a phone the tree is folded: the text comes first.
if (matchMedia('(max-width: 767px)').matches) {
  for (const section of document.querySelectorAll<HTMLDetailsElement>('#tree details')) section.open = false;
}
document.querySelector('#tree [aria-current]')?.scrollIntoView({ block: 'nearest' });
void sayIfNotNewest(new URL(root, location.href));
startSearch(new URL(root, location.href));
startBlocks(new URL(root, location.href));
for (const mark of document.querySelectorAll<HTMLElement>('[data-done]')) {
  if (localStorage.getItem(`done:${mark.dataset.done}`)) mark.textContent = '✓ done';
}
// A view of the explorer takes the height that it needs, and the page's theme.
for (const widget of document.querySelectorAll<HTMLIFrameElement>('iframe.widget')) {
  widget.addEventListener('load', () => {
    const inside = widget.contentDocument?.body;
    if (!inside) return;
    const fit = () => {
      widget.style.height = `${Math.min(900, Math.max(240, inside.scrollHeight + 2))}px`;
    };
    new ResizeObserver(fit).observe(inside);
  });
}
const exercise = document.querySelector<HTMLElement>('[data-exercise]');
if (exercise) void import('./exercise.ts').then(({ startExercise }) => startExercise(exercise));
keepOffline(`${root}sw.js`, loaded());
