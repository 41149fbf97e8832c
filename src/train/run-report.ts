// A run as a page: curves of loss, held-out loss, learning rate and gradient norm, samples as they got better, and the
// numbers of the last step; or several runs in the same axes, to be compared. One HTML file without scripts.

import type { StepLine } from './trainer.ts';

export interface ReportedRun {
  readonly name: string;
  /** In order; may be empty. */
  readonly lines: readonly StepLine[];
  /** Steps of the whole run, where known. */
  readonly totalSteps?: number;
  readonly lossHash?: string;
}

/** Colours that colour-blind readers can tell apart (Okabe & Ito 2008), dark enough for white paper. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9'];
const WIDTH = 640;
const HEIGHT = 260;
const MARGIN = { left: 64, right: 12, top: 12, bottom: 34 };
/** Points of a curve: more would not be seen. */
const POINTS = 400;

const CHARTS = [
  { title: 'Training loss', key: 'loss' },
  { title: 'Held-out loss', key: 'eval_loss' },
  { title: 'Held-out bits per byte', key: 'eval_bits_per_byte' },
  { title: 'Reward margin', key: 'rewards/margins' },
  { title: 'Learning rate', key: 'learning_rate' },
  { title: 'Gradient norm', key: 'grad_norm' },
] as const;

interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [number, number])[];
}

/** @param refreshSeconds the page loads itself anew so often: of a run that goes on */
export function runReport(runs: readonly ReportedRun[], refreshSeconds?: number): string {
  const charts = CHARTS.map(({ title, key }) => {
    const curves = runs.map(({ name, lines }, i) => ({
      name,
      colour: COLOURS[i % COLOURS.length],
      points: pointsOf(lines, key),
    }));
    return chart(
      title,
      curves.filter(({ points }) => points.length > 0),
    );
  });
  const refresh =
    refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">\n`;
  const title = escaped(runs.map(({ name }) => name).join(', '));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${refresh}<title>${title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1340px; margin: 2em auto; padding: 0 1em; color: #1a1a1a; }
figure { display: inline-block; margin: 0 1em 1em 0; }
figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; }
td, th { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
pre { white-space: pre-wrap; background: #f5f5f5; padding: .6em; }
.key { display: inline-block; width: 1em; height: .6em; }
</style>
<h1>${title}</h1>
${summary(runs)}
${charts.join('\n')}
${runs.map(samples).join('\n')}
</html>
`;
}

function summary(runs: readonly ReportedRun[]): string {
  const rows = runs.map((run, i) => {
    const { step, loss, best, bits } = lastOf(run);
    const cells = [
      `<span class="key" style="background:${COLOURS[i % COLOURS.length]}"></span> ${escaped(run.name)}`,
      escaped(`${step}${run.totalSteps === undefined ? '' : ` of ${run.totalSteps}`}`),
      ...[loss, best, bits].map((value) => (value === undefined ? '' : value.toFixed(4))),
      run.lossHash ? `<code>${escaped(run.lossHash)}</code>` : '',
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const heads = ['run', 'steps', 'loss', 'best held out', 'bits per byte', 'loss hash'];
  return `<table>\n<tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>\n${rows.join('\n')}\n</table>`;
}

/** The last loss, the best held-out loss and its bits per byte; undefined where the log has none. */
export function lastOf({ lines }: Pick<ReportedRun, 'lines'>): {
  readonly step: number;
  readonly loss: number | undefined;
  readonly best: number | undefined;
  readonly bits: number | undefined;
} {
  const evaluations = lines.filter((line) => typeof line.eval_loss === 'number');
  const best = evaluations.reduce<StepLine | undefined>(
    (least, line) =>
      Number(line.eval_loss) < Number(least?.eval_loss ?? Number.POSITIVE_INFINITY) ? line : least,
    undefined,
  );
  const number = (value: unknown) => (typeof value === 'number' ? value : undefined);
  return {
    step: lines.at(-1)?.step ?? 0,
    loss: number(lines.at(-1)?.loss),
    best: number(best?.eval_loss),
    bits: number(best?.eval_bits_per_byte),
  };
}

/** At most POINTS of them, each the mean of as many steps. */
function pointsOf(lines: readonly StepLine[], key: string): (readonly [number, number])[] {
  const all = lines.flatMap((line) => {
    const value = line[key];
    return typeof value === 'number' && Number.isFinite(value) ? [[line.step, value] as const] : [];
  });
  const size = Math.ceil(all.length / POINTS);
  if (size <= 1) return all;
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => {
    const some = all.slice(i * size, (i + 1) * size);
    return [some[some.length - 1][0], some.reduce((sum, [, value]) => sum + value, 0) / some.length] as const;
  });
}

function chart(title: string, curves: readonly Curve[]): string {
  if (curves.length === 0) return '';
  const all = curves.flatMap(({ points }) => points);
  const [steps, values] = [all.map(([step]) => step), all.map(([, value]) => value)];
  const [right, least, most] = [Math.max(...steps), Math.min(...values), Math.max(...values)];
  const span = most - least || Math.abs(most) || 1;
  const x = (step: number) => MARGIN.left + (step / right) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) =>
    HEIGHT - MARGIN.bottom - ((value - least) / span) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = least + share * span;
    return (
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e4e4e4"/>` +
      `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${shown(value)}</text>` +
      `<text x="${x(share * right)}" y="${HEIGHT - 14}" text-anchor="middle">${Math.round(share * right)}</text>`
    );
  });
  const lines = curves.map(({ name, colour, points }) => {
    const place = points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    const only =
      points.length === 1
        ? `<circle cx="${x(points[0][0])}" cy="${y(points[0][1])}" r="3" fill="${colour}"/>`
        : '';
    const attributes = `fill="none" stroke="${colour}" stroke-width="1.6"`;
    const label = `<title>${escaped(name)}</title>`;
    return `<polyline points="${place}" ${attributes}>${label}</polyline>${only}`;
  });
  const said = curves.map(({ name, points }) => `${name} ${shown(points[points.length - 1][1])}`).join(', ');
  return `<figure><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-size="12" role="img"
  aria-label="${escaped(`${title}; at the end ${said}`)}">
${ticks.join('\n')}
${lines.join('\n')}
</svg></figure>`;
}

/** The texts of every evaluation, the newest first. */
function samples({ name, lines }: ReportedRun): string {
  const told = lines.filter((line) => Array.isArray(line.samples)).reverse();
  if (told.length === 0) return '';
  const texts = told.map(({ step, samples }) => {
    const shownTexts = (samples as unknown[]).map((text) => `<pre>${escaped(String(text))}</pre>`);
    return `<h3>Step ${step}</h3>\n${shownTexts.join('\n')}`;
  });
  return `<h2>Samples of ${escaped(name)}</h2>\n${texts.join('\n')}`;
}

function shown(value: number): string {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(1) : value.toPrecision(4);
}

/** What a model or a file name says is text, never markup. */
function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => names[character]);
}
