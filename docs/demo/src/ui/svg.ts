// The few shapes that all pictures are made of.

import { s, visible } from './dom.ts';

/** Where a value lies: [from, to] of the picture for [low, high] of the numbers. */
export function scale(low: number, high: number, from: number, to: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

export function label(x: number, y: number, text: string, kind = '', anchor = 'start'): SVGTextElement {
  return s(
    'text',
    { x, y, class: `label ${kind}`, 'text-anchor': anchor, 'dominant-baseline': 'middle' },
    text,
  );
}

/** A token's text, cut to a width; about 8.2 px a letter. */
export function tokenLabel(
  x: number,
  y: number,
  text: string,
  room: number,
  anchor = 'start',
): SVGTextElement {
  const shown = visible(text);
  const most = Math.max(2, Math.floor(room / 8.2));
  return label(x, y, shown.length > most ? `${shown.slice(0, most - 1)}…` : shown, 'mono', anchor);
}

export function bar(x: number, y: number, width: number, height: number, kind: string): SVGRectElement {
  return s('rect', { x, y, width: Math.max(0, width), height, rx: 2, class: kind });
}

export function line(points: readonly (readonly [number, number])[], kind: string): SVGPathElement {
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return s('path', { d, class: kind, fill: 'none' });
}

/** From (x, y1) to (x, y2), swung out to the right. */
export function arc(x: number, y1: number, y2: number, thickness: number, room: number): SVGPathElement {
  const out = Math.min(room, 14 + Math.abs(y1 - y2) * 0.6);
  const d = `M${x} ${y1}C${x + out} ${y1} ${x + out} ${y2} ${x} ${y2}`;
  return s('path', { d, fill: 'none', class: 'arc', 'stroke-width': thickness.toFixed(2) });
}

/** Cells of one scale; `kind` is seq (1 to 7) or div. */
export function cells(
  x: number,
  y: number,
  steps: readonly number[],
  kind: 'seq' | 'div',
  size: number,
  perRow: number,
  gap = 1,
): SVGRectElement[] {
  return steps.map((one, i) =>
    s('rect', {
      x: x + (i % perRow) * size,
      y: y + Math.floor(i / perRow) * size,
      width: size - gap,
      height: size - gap,
      class: `${kind}-${one}`,
    }),
  );
}

/** Ticks with numbers along the bottom. */
export function bottomAxis(
  ticks: readonly { readonly at: number; readonly text: string }[],
  x1: number,
  x2: number,
  y: number,
): Node[] {
  return [
    s('line', { x1, x2, y1: y, y2: y, class: 'rule' }),
    ...ticks.flatMap(({ at, text }) => [
      s('line', { x1: at, x2: at, y1: y, y2: y + 4, class: 'rule' }),
      label(at, y + 13, text, 'small muted', 'middle'),
    ]),
  ];
}
