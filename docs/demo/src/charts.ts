// The pictures that Observable Plot draws: logit lens, residual stream, KV cache.

import * as Plot from '@observablehq/plot';
import { make, visible } from './elements.ts';
import type { LensCell } from './protocol.ts';

const style = { background: 'transparent', color: 'currentColor', fontSize: '12px' };

/** What every layer would say next, if it were the last one. */
export function lensChart(cells: readonly LensCell[], token: string): HTMLElement {
  const plot = Plot.plot({
    style,
    width: 640,
    height: 640,
    marginLeft: 56,
    x: { axis: null, domain: [0, 1, 2, 3] },
    y: { label: 'after layer', reverse: true, domain: [...new Set(cells.map(({ layer }) => layer))] },
    color: { scheme: 'blues', domain: [0, 1], label: 'probability', legend: true },
    marks: [
      Plot.cell(cells, { x: 'rank', y: 'layer', fill: 'probability', inset: 1 }),
      Plot.text(cells, {
        x: 'rank',
        y: 'layer',
        text: (cell: LensCell) => visible(cell.text),
        fill: (cell: LensCell) => (cell.probability > 0.5 ? 'white' : 'currentColor'),
        stroke: 'none',
      }),
    ],
  });
  return figure(`What each layer would predict after “${visible(token)}”; −1 is the embedding itself.`, plot);
}

/** How long the vector of each token grows on its way through the layers. */
export function normsChart(norms: readonly { layer: number; position: number; norm: number }[]): HTMLElement {
  const plot = Plot.plot({
    style,
    width: 640,
    height: 400,
    marginLeft: 56,
    x: { label: 'layer' },
    y: { type: 'log', label: 'length of the residual vector', grid: true },
    color: { scheme: 'viridis', label: 'position', legend: true },
    marks: [
      Plot.line(norms, { x: 'layer', y: 'norm', z: 'position', stroke: 'position', strokeOpacity: 0.6 }),
    ],
  });
  return figure(
    'One line per token. The first token grows far beyond the rest: heads rest their attention on it.',
    plot,
  );
}

/** Bytes of keys and values, and of all linear memory, while the answer grew. */
export function cacheChart(
  points: readonly { position: number; bytes: number }[],
  memoryBytes: number,
): HTMLElement {
  const plot = Plot.plot({
    style,
    width: 640,
    height: 320,
    marginLeft: 56,
    x: { label: 'position' },
    y: { label: 'MB of keys and values', grid: true, zero: true },
    marks: [
      Plot.areaY(points, {
        x: 'position',
        y: ({ bytes }) => bytes / 1e6,
        fill: 'currentColor',
        fillOpacity: 0.15,
      }),
      Plot.lineY(points, { x: 'position', y: ({ bytes }) => bytes / 1e6, stroke: 'currentColor' }),
    ],
  });
  const memory = `${(memoryBytes / 1e6).toFixed(0)} MB`;
  return figure(`Every token adds its keys and values in each layer. All of linear memory: ${memory}.`, plot);
}

function figure(caption: string, plot: Node): HTMLElement {
  return make('figure', {}, make('figcaption', { className: 'hint' }, caption), plot);
}
