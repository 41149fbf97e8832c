// Pictures made from numbers: bars and arcs as SVG that follows the reader's light or dark theme, each with a sentence
// that says its largest value.

const STYLE =
  '<style>svg{--ink:#1b1f24;--line:#757f8a;--bar:#0b57d0;--on:#fff;font:15px system-ui,sans-serif}' +
  '@media(prefers-color-scheme:dark){svg{--ink:#e6e9ed;--line:#6f7a86;--bar:#8ab4f8;--on:#0b0d10}}' +
  'text{fill:var(--ink)}rect{fill:var(--bar)}path,circle{fill:none;stroke:var(--bar)}line{stroke:var(--line)}' +
  '.quiet{fill:none;stroke:var(--line)}.area,.dot{fill:var(--bar)}.small{font-size:12px}.on{fill:var(--on)}</style>';
export const WIDTH = 640;
const ROW = 26;
const LABEL_WIDTH = 170;
const VALUE_WIDTH = 90;

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value in words, at the bar's end. */
  readonly shown: string;
}

export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

export function svg(title: string, description: string, height: number, body: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">` +
    `<title>${escaped(title)}</title><desc>${escaped(description)}</desc>${STYLE}${body}</svg>\n`
  );
}

/** The sentence of a picture of bars: its largest and its smallest value. */
export function describedBars(bars: readonly Bar[]): string {
  const sorted = [...bars].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const [most, least] = [sorted[0], sorted[sorted.length - 1]];
  return `The largest of ${bars.length} is ${most.label}: ${most.shown}; the smallest ${least.label}: ${least.shown}.`;
}

/** Horizontal bars from a common line; negative values go to its left. */
export function bars(title: string, rows: readonly Bar[]): string {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-9);
  const isSigned = rows.some(({ value }) => value < 0);
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const zero = LABEL_WIDTH + (isSigned ? room / 2 : 0);
  const scale = (isSigned ? room / 2 : room) / most;
  const body = rows.map(({ label, value, shown }, i) => {
    const [y, length] = [i * ROW + 8, Math.abs(value) * scale];
    const x = value < 0 ? zero - length : zero;
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${y + 14}" text-anchor="end">${escaped(label)}</text>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(length, 1).toFixed(1)}" height="18"/>` +
      `<text x="${(zero + (value < 0 ? 0 : length) + 6).toFixed(1)}" y="${y + 14}">${escaped(shown)}</text>`
    );
  });
  const height = rows.length * ROW + 16;
  const axis = `<line x1="${zero}" x2="${zero}" y1="2" y2="${height - 2}"/>`;
  return svg(title, describedBars(rows), height, axis + body.join(''));
}

/** Words on a line, and arcs from the last of them back to each, as thick as its weight. */
export function arcs(title: string, words: readonly string[], weights: readonly number[]): string {
  const step = WIDTH / words.length;
  const x = (i: number) => (i + 0.5) * step;
  const last = words.length - 1;
  const base = 180;
  const paths = weights.slice(0, last).map((weight, i) => {
    const height = 40 + 22 * (last - i);
    const [from, to] = [x(last).toFixed(0), x(i).toFixed(0)];
    const curve = `M${from} ${base - 20} C${from} ${base - 20 - height} ${to} ${base - 20 - height} ${to} ${base - 20}`;
    return `<path d="${curve}" stroke-width="${(1 + 14 * weight).toFixed(1)}"/>`;
  });
  const texts = words.map(
    (word, i) =>
      `<text x="${x(i).toFixed(0)}" y="${base}" text-anchor="middle">${escaped(word)}</text>` +
      `<text x="${x(i).toFixed(0)}" y="${base + 22}" text-anchor="middle">${(100 * weights[i]).toFixed(1)} %</text>`,
  );
  const most = weights.indexOf(Math.max(...weights));
  const sentence = `"${words[last].trim()}" looks at "${words[most].trim()}" with ${(100 * weights[most]).toFixed(1)} %.`;
  return svg(title, sentence, base + 36, paths.join('') + texts.join(''));
}

/** Title and sentence of a picture, for those who do not see it. */
export function descriptionOf(picture: string): string {
  const [, title = '', description = ''] = /<title>(.*?)<\/title><desc>(.*?)<\/desc>/.exec(picture) ?? [];
  return `${title}. ${description}`
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}
