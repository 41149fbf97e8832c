// Line numbers and colours for a text field: both lie beside and behind it, so that it stays a text field with all that
// browsers and screen readers do for one. (CodeMirror was the other way: 136 kB, this is 1.)

import { h } from '../ui/dom.ts';

const WORDS =
  'as async await break case catch class const continue default do else export extends finally for from function if ' +
  'import in instanceof interface let new null of return static switch this throw true false try type typeof ' +
  'undefined var void while yield';
const PARTS = new RegExp(
  [
    '(?<comment>//[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))',
    '(?<string>"(?:\\\\.|[^"\\\\\\n])*"?|\'(?:\\\\.|[^\'\\\\\\n])*\'?|`(?:\\\\.|[^`\\\\])*`?)',
    '(?<number>\\b\\d[\\w.]*)',
    `(?<word>\\b(?:${WORDS.replaceAll(' ', '|')})\\b)`,
  ].join('|'),
  'g',
);

/** The code as pieces, each with the kind that colours it; '' for the rest. */
export function coloured(code: string): { readonly kind: string; readonly text: string }[] {
  const pieces: { kind: string; text: string }[] = [];
  let end = 0;
  for (const match of code.matchAll(PARTS)) {
    if (match.index > end) pieces.push({ kind: '', text: code.slice(end, match.index) });
    const [kind = ''] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? [];
    pieces.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  pieces.push({ kind: '', text: code.slice(end) });
  return pieces;
}

export function dressEditor(field: HTMLTextAreaElement): void {
  const numbers = h('pre', { class: 'numbers', 'aria-hidden': 'true' });
  const colours = h('pre', { class: 'colours', 'aria-hidden': 'true' });
  const layers = h('div', { class: 'layers' }, colours);
  field.before(h('div', { class: 'editor' }, numbers, layers));
  layers.append(field);
  const draw = () => {
    const lines = field.value.split('\n').length;
    numbers.textContent = Array.from({ length: lines }, (_, n) => n + 1).join('\n');
    // The last line is as high as the others only if something stands in it.
    colours.replaceChildren(
      ...coloured(field.value).map(({ kind, text }) => (kind ? h('span', { class: kind }, text) : text)),
      '\n',
    );
    field.style.height = `${Math.max(12, lines + 1) * 1.5}em`;
    follow();
  };
  const follow = () => {
    colours.style.transform = `translate(${-field.scrollLeft}px, ${-field.scrollTop}px)`;
    numbers.style.transform = `translateY(${-field.scrollTop}px)`;
  };
  field.addEventListener('input', draw);
  field.addEventListener('scroll', follow);
  // A new line begins where the last one did, two blanks further behind a brace.
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.ctrlKey || event.metaKey || event.isComposing) return;
    event.preventDefault();
    const before = field.value.slice(0, field.selectionStart);
    const [indent] = /[^\S\n]*/.exec(before.slice(before.lastIndexOf('\n') + 1)) ?? [''];
    const more = /[{([]\s*$/.test(before) ? '  ' : '';
    field.setRangeText(`\n${indent}${more}`, field.selectionStart, field.selectionEnd, 'end');
    field.dispatchEvent(new Event('input'));
  });
  draw();
}
