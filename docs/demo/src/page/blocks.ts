// ▶ on a block: its script is loaded, and what it prints and asserts is shown below it.

import { h } from '../ui/dom.ts';
import { onAssertion, shown } from './assert.ts';

let runs = 0;

export function startBlocks(root: URL): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-run]')) {
    button.addEventListener('click', () => void run(button, root));
  }
}

async function run(button: HTMLButtonElement, root: URL): Promise<void> {
  const printed = h('output', { class: 'printed' });
  button.parentElement?.parentElement?.querySelector('.printed')?.remove();
  button.parentElement?.after(printed);
  button.disabled = true;
  const say = (line: string) => printed.append(`${line}\n`);
  const { log } = console;
  onAssertion(say);
  console.log = (...values: unknown[]) =>
    say(values.map((value) => (typeof value === 'string' ? value : shown(value))).join(' '));
  try {
    // A module runs once for each address.
    await import(/* @vite-ignore */ new URL(`run/${button.dataset.run}.js?run=${++runs}`, root).href);
    if (printed.textContent === '') say('It prints nothing.');
  } catch (error) {
    printed.classList.add('bad');
    say(`▲ ${String(error)}`);
  } finally {
    console.log = log;
    onAssertion(() => undefined);
    button.disabled = false;
  }
}
