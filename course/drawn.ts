// Pictures of a shape of their own, drawn from numbers as picture.ts draws bars: a sentence says their largest value.

import { escaped, svg, WIDTH } from './picture.ts';

type Point = readonly [x: number, y: number];

const r = (value: number) => Number(value.toFixed(1));
const write = (x: number, y: number, text: string, more = '') =>
  `<text x="${r(x)}" y="${r(y)}"${more}>${escaped(text)}</text>`;
const middle = ' text-anchor="middle"';
const path = (points: readonly Point[]) => `M${points.map(([x, y]) => `${r(x)} ${r(y)}`).join('L')}`;

/** Tokens as tiles, a row for each text, each as wide as what it holds. */
export function tiles(title: string, rows: readonly (readonly string[])[]): string {
  const letter = 16;
  const body = rows.map((tokens, n) => {
    const y = 10 + 46 * n;
    let x = 8;
    const drawn = tokens.map((token) => {
      const width = letter * Math.max(2, [...token].length) + 10;
      const tile = `<rect class="quiet" x="${x}" y="${y}" width="${width}" height="32" rx="4"/>`;
      const text = write(x + width / 2, y + 21, token, middle);
      x += width + 6;
      return tile + text;
    });
    return drawn.join('') + write(x + 8, y + 21, `${tokens.length} token${tokens.length > 1 ? 's' : ''}`);
  });
  const most = rows.reduce((a, b) => (b.length > a.length ? b : a));
  return svg(
    title,
    `The most are ${most.length}, of "${most.join('')}".`,
    46 * rows.length + 12,
    body.join(''),
  );
}

/** Arrows from one point, each turned from the first by the angle whose cosine is given. */
export function fan(title: string, names: readonly string[], cosines: readonly number[]): string {
  const [x, y, length] = [60, 250, 230];
  const end = (angle: number, far: number): Point => [x + far * Math.cos(angle), y - far * Math.sin(angle)];
  const degrees = (cosine: number) => (180 * Math.acos(cosine)) / Math.PI;
  // From the lowest to the highest, so that no label is nearer than a line to the one below it.
  const order = [...cosines.keys()].sort((a, b) => cosines[b] - cosines[a]);
  let lowest = y;
  const arrows = order.map((i) => {
    const to = end(Math.acos(cosines[i]), length);
    const textY = Math.min(to[1], lowest - 20);
    lowest = textY;
    const text = `${names[i]}: ${degrees(cosines[i]).toFixed(0)}°, cosine ${cosines[i].toFixed(2)}`;
    return `<path d="${path([[x, y], to])}" stroke-width="3"/>${write(to[0] + 14, textY + 4, text)}`;
  });
  const base = `<line x1="${x}" y1="${y}" x2="${x + length}" y2="${y}"/>${write(x + length + 10, y + 5, 'the same direction: 0°')}`;
  const wide = cosines.indexOf(Math.min(...cosines));
  const sentence = `The widest angle is ${degrees(cosines[wide]).toFixed(0)}°, between ${names[wide]}.`;
  return svg(title, sentence, 270, base + arrows.join(''));
}

/** A river that is as wide as the values, from the left to the right. */
export function river(title: string, values: readonly number[], marks: readonly number[]): string {
  const most = Math.max(...values);
  const [left, right, axis, half] = [40, WIDTH - 50, 120, 80];
  const x = (n: number) => left + ((right - left) * n) / (values.length - 1);
  const bank = (n: number) => Math.max(1, (half * values[n]) / most);
  const upper = values.map((_, n): Point => [x(n), axis - bank(n)]);
  const lower = values.map((_, n): Point => [x(n), axis + bank(n)]).reverse();
  const body = marks.map((n) => {
    const name = n === 0 ? 'embedding' : `layer ${n - 1}`;
    const line = `<line x1="${r(x(n))}" x2="${r(x(n))}" y1="${r(axis + bank(n) + 2)}" y2="214"/>`;
    return (
      line +
      write(x(n), 228, values[n].toFixed(n === 0 ? 1 : 0), middle) +
      write(x(n), 246, name, `${middle} class="small"`)
    );
  });
  const area = `<path class="area" d="${path([...upper, ...lower])}Z"/>`;
  const at = values.indexOf(most);
  return svg(title, `It is widest after layer ${at - 1}: ${most.toFixed(0)}.`, 256, area + body.join(''));
}

/** Clock faces: a row for each speed, a face for each token, the hand turned by speed times position. */
export function clocks(
  title: string,
  rows: readonly { readonly name: string; readonly speed: number }[],
  words: readonly string[],
): string {
  const [left, step, radius] = [100, 104, 32];
  const heads = words.map((word, pos) => write(left + 50 + step * pos, 18, word.trim(), middle));
  const body = rows.map(({ name, speed }, n) => {
    const y = 66 + 92 * n;
    const faces = words.map((_, pos) => {
      const [x, angle] = [left + 50 + step * pos, pos * speed];
      const hand: Point = [x + radius * Math.cos(angle), y - radius * Math.sin(angle)];
      const degrees = ((180 * angle) / Math.PI).toFixed(speed > 0.1 ? 0 : 1);
      return (
        `<circle class="quiet" cx="${x}" cy="${y}" r="${radius}"/>` +
        `<path d="${path([[x, y], hand])}" stroke-width="4"/>` +
        write(x, y + radius + 15, `${degrees}°`, `${middle} class="small"`)
      );
    });
    return write(8, y + 5, name) + faces.join('');
  });
  const [first] = rows;
  const turned = ((180 * first.speed * (words.length - 1)) / Math.PI).toFixed(0);
  const sentence = `The hand of ${first.name} has turned by ${turned}° at "${words[words.length - 1].trim()}", always by the same from one token to the next.`;
  return svg(title, sentence, 92 * rows.length + 30, heads.join('') + body.join(''));
}

/** A curve with dots where real values fall on it. */
export function dotted(
  title: string,
  curve: (x: number) => number,
  dots: readonly number[],
  name: string,
): string {
  const [low, high] = [-5, 3];
  const x = (value: number) => 30 + ((WIDTH - 60) * (value - low)) / (high - low);
  const y = (value: number) => 170 - 45 * value;
  const line = Array.from({ length: 81 }, (_, n): Point => {
    const at = low + ((high - low) * n) / 80;
    return [x(at), y(curve(at))];
  });
  const marks = dots.map((at) => `<circle class="dot" cx="${r(x(at))}" cy="${r(y(curve(at)))}" r="4"/>`);
  const axes =
    `<line x1="30" x2="${WIDTH - 30}" y1="${y(0)}" y2="${y(0)}"/><line x1="${r(x(0))}" x2="${r(x(0))}" y1="20" y2="200"/>` +
    [-4, -2, 2]
      .map((at) => write(x(at), 190, String(at).replace('-', '−'), `${middle} class="small"`))
      .join('') +
    write(x(0) + 8, y(2) + 4, '2', ' class="small"') +
    write(40, 40, name);
  const most = Math.max(...dots.map((at) => Math.abs(at)));
  const negative = dots.filter((at) => at < 0).length;
  const sentence = `${negative} of the ${dots.length} dots lie left of zero, the farthest at −${most.toFixed(2)}.`;
  return svg(title, sentence, 210, `${axes}<path d="${path(line)}" stroke-width="2"/>${marks.join('')}`);
}

/** What is computed at each step, without a cache and with one: filled squares are computed, empty ones remembered. */
export function steps(title: string, numTokens: number): string {
  const [cell, gap] = [30, 4];
  const half = (left: number, isKept: boolean) =>
    Array.from({ length: numTokens }, (_, step) =>
      Array.from({ length: step + 1 }, (_, token) => {
        const isComputed = !isKept || token === step;
        const place = `x="${left + token * (cell + gap)}" y="${34 + step * (cell + gap)}" width="${cell}" height="${cell}"`;
        return `<rect${isComputed ? '' : ' class="quiet"'} ${place} rx="3"/>`;
      }).join(''),
    ).join('');
  const without = (numTokens * (numTokens + 1)) / 2;
  const body =
    write(20, 20, `without a cache: ${without} rows computed`) +
    half(20, false) +
    write(340, 20, `with it: ${numTokens}`) +
    half(340, true);
  const sentence = `For ${numTokens} tokens, one after the other, ${without} rows are computed without a cache and ${numTokens} with it.`;
  return svg(title, sentence, 40 + numTokens * (cell + gap), body);
}

/** Shares of one, stacked from the left; the line is where their sum passes `level`, the point where a throw falls. */
export function stacked(
  title: string,
  names: readonly string[],
  shares: readonly number[],
  level: number,
  throwAt: number,
): string {
  const [left, wide, top] = [20, WIDTH - 40, 60];
  let sum = 0;
  let hit = '';
  const parts = shares.map((share, n) => {
    const begin = sum;
    sum += share;
    if (throwAt >= begin && throwAt < sum) hit = names[n];
    const place = `x="${r(left + wide * begin)}" y="${top}" width="${r(Math.max(1, wide * share - 2))}" height="56"`;
    const isKept = begin < level;
    const text =
      share > 0.05
        ? write(
            left + wide * (begin + share / 2),
            top + 33,
            names[n],
            `${middle}${isKept ? ' class="on"' : ''}`,
          )
        : '';
    return `<rect${isKept ? '' : ' class="quiet"'} ${place}/>${text}`;
  });
  const x = (value: number) => r(left + wide * value);
  const body =
    `<line x1="${x(level)}" x2="${x(level)}" y1="${top - 14}" y2="${top + 76}"/>` +
    write(left + wide * level, top + 94, `top-p ${level}`, middle) +
    `<circle class="dot" cx="${x(throwAt)}" cy="${top - 14}" r="7"/>` +
    write(left + wide * throwAt, top - 30, `a throw of ${throwAt}: ${hit.trim()}`, middle) +
    write(left + wide * sum + 4, top + 33, '…', '');
  const most = Math.max(...shares);
  const sentence = `"${names[shares.indexOf(most)].trim()}" takes ${(100 * most).toFixed(1)} % of the line, and a throw of ${throwAt} falls on it.`;
  return svg(title, sentence, 166, parts.join('') + body);
}
