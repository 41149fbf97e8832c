// The page's words, from src/text/en.json: no sentence is written in code. `?lang=pseudo` shows where one was.

import english from '../text/en.json';

export type TextKey = keyof typeof english;

const asked = new URLSearchParams(globalThis.location?.search ?? '').get('lang');
export const language = asked === 'pseudo' ? 'pseudo' : 'en';

/** The sentence of a key with its numbers; `{name}` is replaced. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const sentence = english[key] ?? key;
  const told = language === 'pseudo' ? pseudo(sentence) : sentence;
  return told.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

const ACCENTS: Record<string, string> = {
  a: 'á',
  e: 'é',
  i: 'í',
  o: 'ó',
  u: 'ú',
  A: 'Å',
  E: 'É',
  O: 'Ö',
  n: 'ñ',
};

/** Brackets and four tenths more length: a text without them is not from the file. */
function pseudo(sentence: string): string {
  const longer = sentence.replace(/\{\w+\}|[aeiouAEOn]/g, (letter) => ACCENTS[letter] ?? letter);
  return `⟦${longer}${'~'.repeat(Math.ceil(sentence.length * 0.4))}⟧`;
}

/** Fills elements of the page's own HTML that carry `data-t`. */
export function translatePage(): void {
  for (const element of document.querySelectorAll<HTMLElement>('[data-t]')) {
    element.textContent = t(element.dataset.t as TextKey);
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-t-label]')) {
    element.setAttribute('aria-label', t(element.dataset.tLabel as TextKey));
  }
}
