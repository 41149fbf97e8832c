// `node bench/peers/report.mjs RESULT.json ...`: peers runs as the tables of docs/speed.md (between their marks) and as
// docs/speed-decode.svg and docs/speed-prefill.svg.

import { readFileSync, writeFileSync } from 'node:fs';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

const runs = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')));
const rows = runs.flatMap((run) => run.rows);
const verdicts = runs.flatMap((run) => run.verdicts);
const pages = runs.flatMap((run) => run.pages ?? []);
const docs = new URL('../../docs/', import.meta.url);
const OURS = '#c2410c';
const THEIRS = '#475569';

const charts = { 'speed-decode': 'decode @128', 'speed-prefill': 'prefill 512' };
for (const [file, test] of Object.entries(charts)) {
  const points = rows
    .filter((row) => row.part === 'native' && row.test === test)
    .map(({ label, format, threads, tokensPerSecond }) => ({
      engine: /llama/.test(label) ? label : `smollm2 ${label}`,
      panel: `${format.toUpperCase()}, ${threads} thread${threads > 1 ? 's' : ''}`,
      rate: median(tokensPerSecond),
      isOurs: !/llama/.test(label),
    }));
  write(file, draw(points, `${test}: tokens per second (higher is better)`));
}

function draw(points, title) {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const engines = [...new Set(points.map(({ engine }) => engine))];
  const panels = [...new Set(points.map(({ panel }) => panel))];
  return Plot.plot({
    document,
    width: 760,
    marginTop: 46,
    height: 70 + panels.length * engines.length * 20,
    marginLeft: 190,
    marginRight: 120,
    style: { background: 'white', color: '#111', fontSize: '12px', fontFamily: 'system-ui, sans-serif' },
    x: { label: title, labelAnchor: 'left', axis: 'top', insetRight: 34 },
    y: { label: null, domain: engines },
    fy: { label: null, domain: panels },
    marks: [
      Plot.gridX({ stroke: '#e2e8f0', strokeOpacity: 1 }),
      Plot.barX(points, {
        y: 'engine',
        fy: 'panel',
        x: 'rate',
        fill: ({ isOurs }) => (isOurs ? OURS : THEIRS),
      }),
      Plot.text(points, {
        y: 'engine',
        fy: 'panel',
        x: 'rate',
        text: ({ rate }) => rate.toFixed(0),
        textAnchor: 'start',
        dx: 4,
      }),
      Plot.ruleX([0]),
    ],
  });
}

function write(file, svg) {
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  writeFileSync(new URL(`${file}.svg`, docs), `${svg.outerHTML}\n`);
}

const page = new URL('speed.md', docs);
let text = readFileSync(page, 'utf8');
for (const [name, lines] of Object.entries({
  machine: about(),
  bars: bars(),
  chromium: chromium(),
  rates: rates(),
})) {
  const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- end -->)`);
  if (!marked.test(text)) throw new Error(`docs/speed.md: expected a mark <!-- ${name} -->`);
  text = text.replace(marked, (_, begin, end) => `${begin}${lines.join('\n')}\n${end}`);
}
writeFileSync(page, text);

function about() {
  const versions = [...new Set(rows.map(({ version }) => version))].sort();
  const files = Object.entries(Object.assign({}, ...runs.map((run) => run.weights))).map(
    ([format, hash]) => `${format.toUpperCase()} \`${hash.slice(0, 16)}…\``,
  );
  const { machine } = runs[0];
  const times = runs.map(({ machine: { date, commit, load }, rounds, rows: [{ part }] }) => {
    return `${part}: ${date.slice(0, 16).replace('T', ' ')}, commit ${commit}, load before ${load}, ${rounds} rounds`;
  });
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}. ${times.join('; ')}.`,
    '',
    `Engines: ${versions.join('; ')}. Weights (sha256): ${files.join(', ')}.`,
  ];
}

function bars() {
  const lines = verdicts.map(({ claim, bar, ratio: { median: middle, min, max }, cpuRatio }) => {
    const reached = middle >= bar ? 'reached' : '**missed**';
    return `| ${claim} | ${bar} | ${middle.toFixed(2)} | ${min.toFixed(2)} to ${max.toFixed(2)} | ${cpuRatio?.median.toFixed(2) ?? ''} | ${reached} |`;
  });
  return [
    '| ours / theirs | bar | median | range | in processor time | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ];
}

function chromium() {
  const tests = ['prefill 128', 'prefill 512', 'decode @128'];
  const lines = pages.map(({ format, threads, label, firstTokenMs, gzipBytes, peakBytes }) => {
    const cells = tests.map((test) => {
      const row = rows.find(
        (other) =>
          other.part === 'browser' &&
          other.format === format &&
          other.threads === threads &&
          other.label === label &&
          other.test === test,
      );
      return row ? median(row.tokensPerSecond).toFixed(1) : '';
    });
    const costs = [
      (firstTokenMs / 1e3).toFixed(1),
      (gzipBytes / 1e6).toFixed(2),
      (peakBytes / 1e6).toFixed(0),
    ];
    const name = /Chromium/.test(label) ? `smollm2, ${label.replace(', Chromium', '')}` : label;
    const weights = /int4/.test(label) ? 'int4 ONNX' : format.toUpperCase();
    return `| ${threads} | ${name.replace(', int4', '')} | ${weights} | ${[...cells, ...costs].join(' | ')} |`;
  });
  return [
    `| threads | engine | weights | ${tests.join(' | ')} | first token, s | apart from weights, MB gz | peak memory, MB |`,
    '| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ];
}

function rates() {
  const columns = [...new Set(rows.map(({ threads, test }) => `${test}, T=${threads}`))];
  const groups = new Map();
  for (const row of rows) {
    const key = `${row.part} | ${row.format.toUpperCase()} | ${row.label}`;
    const cells = groups.get(key) ?? new Map();
    cells.set(`${row.test}, T=${row.threads}`, median(row.tokensPerSecond).toFixed(1));
    groups.set(key, cells);
  }
  const lines = [...groups].map(
    ([key, cells]) => `| ${key} | ${columns.map((column) => cells.get(column) ?? '').join(' | ')} |`,
  );
  const rule = `| --- | --- | --- | ${columns.map(() => '---:').join(' | ')} |`;
  return [`| part | weights | engine | ${columns.join(' | ')} |`, rule, ...lines];
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
