// The picture of a comparison: one HTML page without scripts, a heat map of the error per layer and module,
// and the tokens that are worst at the end.

import { LAYER_POINTS, placeOf, pointName } from '../model/points.ts';
import type { DiffPoint, DiffReport } from './diff.ts';
import { shortNumber, verdictText } from './report.ts';

/** Columns of the map: a block's points in the order of the pass. */
const PARTS = LAYER_POINTS.map(({ part }) => part);

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 70rem; color: #222; background: #fff; }
table { border-collapse: collapse; font-size: 11px; }
th { font-weight: 500; text-align: left; padding: 2px 6px; }
th.part { writing-mode: vertical-rl; transform: rotate(180deg); vertical-align: bottom; }
td { width: 34px; height: 20px; text-align: center; border: 1px solid #fff; }
td.bad { outline: 2px solid #c00; outline-offset: -2px; font-weight: 700; }
td.none { background: #f4f4f4; }
pre { white-space: pre-wrap; background: #f4f4f4; padding: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #ddd; }
  td { border-color: #1b1b1b; color: #111; } td.none, pre { background: #2a2a2a; color: #ddd; } }
`;

/**
 * The report as a page.
 *
 * @param tokens texts of the tokens, where the caller has a tokenizer
 */
export function reportHtml(report: DiffReport, tokens?: readonly string[]): string {
  const title = `${report.candidate} against ${report.reference}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body>
<h1>${escaped(title)}</h1>
<pre>${escaped(verdictText(report))}</pre>
<h2>Difference per layer and module</h2>
<p>Shade: root mean square of the difference over that of the reference, from 1e-16 (light) to 1 (dark).
Number: its power of ten. Outlined: not explained by the point's own inputs.</p>
${heatMap(report.points)}
<h2>Worst tokens</h2>
${worstTokens(report, tokens)}
</body></html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function heatMap(points: readonly DiffPoint[]): string {
  const byPlace = new Map(points.map((point) => [point.name, point]));
  const numLayers = Math.max(0, ...points.map(({ name }) => (placeOf(name).layer ?? -1) + 1));
  const head = PARTS.map((part) => `<th class="part">${escaped(part)}</th>`).join('');
  const rows = Array.from({ length: numLayers }, (_, layer) => {
    const cells = PARTS.map((part) => cell(byPlace.get(pointName(layer, part))));
    return `<tr><th>layer ${layer}</th>${cells.join('')}</tr>`;
  });
  const ends = ['model.embed_tokens', 'model.norm', 'lm_head']
    .filter((name) => byPlace.has(name))
    .map((name) => `<tr><th>${escaped(name)}</th>${cell(byPlace.get(name))}</tr>`);
  return `<table><tr><th></th>${head}</tr>${rows.join('\n')}</table><table>${ends.join('\n')}</table>`;
}

function cell(point: DiffPoint | undefined): string {
  if (!point) return '<td class="none"></td>';
  const { relative, maxAbs, bound, explained, ratio, name } = point;
  const power = relative > 0 && Number.isFinite(relative) ? Math.log10(relative) : relative > 0 ? 0 : -16;
  const shade = Math.max(0, Math.min(1, 1 + power / 16));
  const label = relative === 0 ? '' : `${Math.round(power)}`;
  const title =
    `${name}: max ${shortNumber(maxAbs)}, bound ${shortNumber(bound)}, ` +
    `${shortNumber(ratio)} of its own bound`;
  const colour = `hsl(${explained ? 210 : 5} 80% ${Math.round(96 - 50 * shade)}%)`;
  return `<td class="${explained ? '' : 'bad'}" style="background:${colour}" title="${escaped(title)}">${label}</td>`;
}

function worstTokens({ points, ids }: DiffReport, tokens: readonly string[] | undefined): string {
  const last = points.at(-1);
  if (!last) return '<p>No point was compared.</p>';
  const ranked = last.rows
    .map((error, t) => ({ error, t }))
    .sort((a, b) => b.error - a.error)
    .slice(0, 12);
  const rows = ranked.map(({ error, t }) => {
    const text = tokens?.[t] === undefined ? '' : escaped(JSON.stringify(tokens[t]));
    return `<tr><td>${t}</td><td>${ids?.[t] ?? ''}</td><th>${text}</th><td>${shortNumber(error)}</td></tr>`;
  });
  return (
    `<table><tr><th>row</th><th>id</th><th>token</th><th>${escaped(last.name)}</th></tr>` +
    `${rows.join('\n')}</table>`
  );
}
