// A picture with its sentence and its table: both are made of the same numbers, and the table can be copied.

import { freshId, h, s } from './dom.ts';
import { t } from './text.ts';

export interface TableTwin {
  /** A model's own words stand apart, for they are not translated. */
  readonly head: readonly (string | { readonly model: string })[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface FigureParts {
  readonly title: string;
  /** One sentence that holds the largest value shown. */
  readonly desc: string;
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Node[];
  readonly table: TableTwin;
}

/** Pictures whose table is open stay so when they are drawn anew. */
const opened = new Set<string>();

export function figure({ title, desc, width, height, marks, table }: FigureParts): HTMLElement {
  const [titleId, descId] = [freshId('title'), freshId('desc')];
  const svg = s(
    'svg',
    {
      role: 'img',
      'aria-labelledby': `${titleId} ${descId}`,
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
    },
    s('title', { id: titleId }, title),
    s('desc', { id: descId }, desc),
    ...marks,
  );
  return h('figure', { class: 'picture' }, h('figcaption', {}, desc), svg, twin(title, table));
}

/** The same numbers as a table, folded away until wanted, or open where the table is all there is. */
export function twin(title: string, { head, rows }: TableTwin, isOpen = opened.has(title)): HTMLElement {
  const copy = h('button', { type: 'button', class: 'quiet' }, t('table.copy'));
  copy.addEventListener('click', async () => {
    const csv = [head.map((cell) => (typeof cell === 'string' ? cell : cell.model)), ...rows]
      .map((row) => row.map(quoted).join(','))
      .join('\n');
    await navigator.clipboard?.writeText(csv).catch(() => undefined);
    copy.textContent = t('table.copied');
  });
  const details = h(
    'details',
    { class: 'twin', open: isOpen },
    h('summary', {}, t('table.open')),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title },
      h(
        'table',
        {},
        h('caption', { class: 'sr' }, title),
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...head.map((cell) =>
              typeof cell === 'string'
                ? h('th', { scope: 'col' }, cell)
                : h('th', { scope: 'col', 'data-model': true }, cell.model),
            ),
          ),
        ),
        h(
          'tbody',
          {},
          ...rows.map((row) => h('tr', {}, ...row.map((cell) => h('td', { 'data-model': true }, cell)))),
        ),
      ),
    ),
    copy,
  );
  details.addEventListener('toggle', () => (details.open ? opened.add(title) : opened.delete(title)));
  return details;
}

function quoted(cell: string | number): string {
  return /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell);
}
