// The claims that docs/speed.md makes, each as a ratio of measurements and the bar it must reach.

import { ratioOf, type Spread } from '../statistics.ts';
import type { Format, Part } from './sessions.ts';

/** All rounds of one contender in one test. */
export interface Row {
  readonly part: Part;
  readonly format: Format;
  readonly threads: number;
  readonly test: string;
  readonly label: string;
  readonly version: string;
  /** One per round; rounds of the same session belong together. */
  readonly tokensPerSecond: readonly number[];
  /** The same over the time of the processor; on one thread it hardly feels what else the machine does. */
  readonly tokensPerCpuSecond?: readonly number[];
  /** What it generated: the first greedy ids, or text from engines that give only that. */
  readonly generated?: readonly number[] | string;
}

/** What a page cost in one session. */
export interface Page {
  readonly format: Format;
  readonly threads: number;
  readonly label: string;
  readonly version: string;
  /** From the page's address to the first token after a prompt of 128 ids, weights from a server on this machine. */
  readonly firstTokenMs: number;
  /** Everything that the page was sent but weights and tokenizer, each file gzipped. */
  readonly gzipBytes: number;
  /** Most memory of all processes of the browser, over that of a blank page. */
  readonly peakBytes: number;
}

export interface Verdict {
  readonly claim: string;
  readonly bar: number;
  readonly ratio: Spread;
  /** The same ratio in time of the processor, on one thread. */
  readonly cpuRatio?: Spread;
}

const NATIVE = ['node-llama-cpp', 'llama-cpp-python'];
const ONNX = ['transformers.js, int4'];

/** Every claim for which there are measurements. */
export function verdictsOf(rows: readonly Row[], pages: readonly Page[] = []): Verdict[] {
  const verdicts: Verdict[] = [];
  const find = (part: Part, format: Format, threads: number, test: string, label: string) =>
    rows.find(
      (row) =>
        row.part === part &&
        row.format === format &&
        row.threads === threads &&
        row.test === test &&
        row.label === label,
    );
  const best = (
    part: Part,
    formats: readonly Format[],
    threads: number,
    test: string,
    labels: readonly string[],
  ) =>
    formats
      .flatMap((format) => labels.map((label) => find(part, format, threads, test, label)))
      .filter((row) => row !== undefined)
      .reduce<Row | undefined>((a, b) => (a && rateOf(a) >= rateOf(b) ? a : b), undefined);
  const claim = (text: string, bar: number, ours: Row | undefined, theirs: Row | undefined) => {
    if (!ours || !theirs) return;
    const isPeer = /llama|transformers/.test(theirs.label);
    const against = isPeer ? ` (${theirs.label.replace(', int4', '')}, ${theirs.format})` : '';
    const ratio = ratioOf(ours.tokensPerSecond, theirs.tokensPerSecond);
    const isSingle = ours.threads === 1 && theirs.threads === 1;
    const cpu = isSingle && ours.tokensPerCpuSecond && theirs.tokensPerCpuSecond;
    const cpuRatio = cpu ? ratioOf(ours.tokensPerCpuSecond!, theirs.tokensPerCpuSecond!) : undefined;
    verdicts.push({ claim: text + against, bar, ratio, ...(cpuRatio && { cpuRatio }) });
  };
  const threadCounts = [...new Set(rows.map((row) => row.threads))].sort((a, b) => a - b);
  for (const threads of threadCounts) {
    const at = (format: Format, test: string, label: string, part: Part = 'native') =>
      find(part, format, threads, test, label);
    const native = (format: Format, test: string) => best('native', [format], threads, test, NATIVE);
    const on = `${threads} thread${threads > 1 ? 's' : ''}`;
    for (const [test, format, bar] of [
      ['decode @128', 'q4_1', 1.5],
      ['decode @128', 'q4_0', threads === 1 ? 1.1 : 1.3],
      ['prefill 512', 'q4_1', 1.5],
      ['prefill 512', 'q4_0', 0.6],
    ] as const) {
      const theirs = native(format, test);
      const what = `${test} / native, ${format.toUpperCase()}, ${on}`;
      claim(`Node 20: ${what}`, bar, at(format, test, 'fast'), theirs);
      claim(`Node 24: ${what}`, bar, at(format, test, 'fast, Node 24'), theirs);
    }
    claim(
      `Node 24, relaxed: prefill 512 / native, Q4_0, ${on}`,
      0.9,
      at('q4_0', 'prefill 512', 'relaxed, Node 24'),
      native('q4_0', 'prefill 512'),
    );
    claim(
      `decode precise / fast, Q4_1, ${on}`,
      0.5,
      at('q4_1', 'decode @128', 'precise'),
      at('q4_1', 'decode @128', 'fast'),
    );
    for (const test of ['prefill 128', 'prefill 512', 'decode @128']) {
      const wllama = best('browser', ['q8_0', 'q4_0', 'q4_1'], threads, test, ['wllama']);
      const onnx = best('browser', ['q4_1'], threads, test, ONNX);
      for (const peer of [wllama, onnx]) {
        if (!peer) continue;
        const ours = at(peer.format, test, 'fast, Chromium', 'browser');
        claim(`Chromium: ${test} / ${peer.label.replace(', int4', '')}, ${on}`, 5, ours, peer);
      }
    }
    const long = 'decode @8064';
    const natives = NATIVE.flatMap((label) => [label, `${label}, flash attention`]);
    const longest = best('long', ['q4_1'], threads, long, natives);
    for (const label of ['f16 cache', 'f16 cache, Node 24', 'f32 cache']) {
      claim(
        `${label}: ${long} / native, Q4_1, ${on}`,
        1,
        at('q4_1', long, `fast, ${label}`, 'long'),
        longest,
      );
    }
  }
  claimScaling(claim, find);
  return [...verdicts, ...pageVerdicts(pages)];
}

/** Four threads against one; the rounds are of different sessions, so the spread says more than usual. */
function claimScaling(
  claim: (text: string, bar: number, ours: Row | undefined, theirs: Row | undefined) => void,
  find: (part: Part, format: Format, threads: number, test: string, label: string) => Row | undefined,
): void {
  for (const [test, bar] of [
    ['decode @128', 2.2],
    ['prefill 512', 3.5],
  ] as const) {
    claim(
      `${test}, 4 threads / 1`,
      bar,
      find('native', 'q4_1', 4, test, 'fast'),
      find('native', 'q4_1', 1, test, 'fast'),
    );
  }
}

const COSTS = [
  ['time to first token', 'firstTokenMs'],
  ['bytes apart from weights', 'gzipBytes'],
  ['peak memory', 'peakBytes'],
] as const;

/** What a page costs at each peer over what it costs with ours, the peer that does best in it. */
function pageVerdicts(pages: readonly Page[]): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const threads of new Set(pages.map((page) => page.threads))) {
    for (const [name, key] of COSTS) {
      for (const peers of [['wllama'], ONNX]) {
        const theirs = pages.filter((page) => page.threads === threads && peers.includes(page.label));
        if (theirs.length === 0) continue;
        const least = theirs.reduce((a, b) => (a[key] <= b[key] ? a : b));
        const ours = pages.find(
          (page) =>
            page.threads === threads && page.format === least.format && page.label === 'fast, Chromium',
        );
        if (!ours) continue;
        const on = `${threads} thread${threads > 1 ? 's' : ''}`;
        const peer = `${least.label.replace(', int4', '')} (${least.format})`;
        const claim = `Chromium: ${name}, ${peer} / ours, ${on}`;
        verdicts.push({ claim, bar: 1, ratio: ratioOf([least[key]], [ours[key]]) });
      }
    }
  }
  return verdicts;
}

function rateOf(row: Row): number {
  return [...row.tokensPerSecond].sort((a, b) => a - b)[row.tokensPerSecond.length >> 1];
}
