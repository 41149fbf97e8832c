import { describe, expect, it } from 'vitest';
import { type Row, verdictsOf } from '../../bench/peers/bars.ts';
import { type Format, sessionsOf } from '../../bench/peers/sessions.ts';
import { ratioOf, spreadOf } from '../../bench/statistics.ts';

function row(label: string, test: string, tokensPerSecond: number[], more: Partial<Row> = {}): Row {
  return { part: 'native', format: 'q4_1', threads: 1, version: '', label, test, tokensPerSecond, ...more };
}

describe('ratioOf', () => {
  it('divides round by round: a slow moment of the machine falls on both sides', () => {
    expect(ratioOf([30, 3, 30], [10, 1, 20])).toEqual({ median: 3, min: 1.5, max: 3 });
  });

  it('refuses rounds without a partner', () => {
    expect(() => ratioOf([1, 2], [1])).toThrow(/expected as many of theirs as of ours \(2\), got 1/);
  });
});

describe('spreadOf', () => {
  it('is median, least and most', () => {
    expect(spreadOf([5, 1, 9, 2])).toEqual({ median: 3.5, min: 1, max: 9 });
  });
});

describe('verdictsOf', () => {
  it('holds ours against the faster of two bindings', () => {
    const verdicts = verdictsOf([
      row('fast', 'decode @128', [300, 310, 330]),
      row('node-llama-cpp', 'decode @128', [100, 100, 100]),
      row('llama-cpp-python', 'decode @128', [150, 155, 165]),
    ]);
    expect(verdicts).toEqual([
      {
        claim: 'Node 20: decode @128 / native, Q4_1, 1 thread (llama-cpp-python, q4_1)',
        bar: 1.5,
        ratio: { median: 2, min: 2, max: 2 },
      },
    ]);
  });

  it("takes wllama's best format and ours on the same weights", () => {
    const browser = { part: 'browser', format: 'q8_0' } as const;
    const verdicts = verdictsOf([
      row('fast, Chromium', 'prefill 128', [100], { part: 'browser' }),
      row('wllama', 'prefill 128', [10], { part: 'browser' }),
      row('transformers.js, int4', 'prefill 128', [20], { part: 'browser' }),
      row('fast, Chromium', 'prefill 128', [90], browser),
      row('wllama', 'prefill 128', [15], browser),
    ]);
    expect(verdicts.map(({ claim, ratio }) => [claim, ratio.median])).toEqual([
      ['Chromium: prefill 128 / wllama, 1 thread (wllama, q8_0)', 6],
      ['Chromium: prefill 128 / transformers.js, 1 thread (transformers.js, q4_1)', 5],
    ]);
  });

  it("divides what a page costs at a peer's cheapest format by what it costs with ours", () => {
    const page = (
      label: string,
      format: Format,
      firstTokenMs: number,
      gzipBytes: number,
      peakBytes: number,
    ) => ({ label, format, threads: 1, version: '1', firstTokenMs, gzipBytes, peakBytes }) as const;
    const verdicts = verdictsOf(
      [],
      [
        page('fast, Chromium', 'q8_0', 1000, 50, 300),
        page('fast, Chromium', 'q4_0', 800, 50, 200),
        page('wllama', 'q8_0', 4000, 600, 600),
        page('wllama', 'q4_0', 9000, 600, 100),
      ],
    );
    expect(verdicts.map(({ claim, ratio }) => [claim, ratio.median])).toEqual([
      ['Chromium: time to first token, wllama (q8_0) / ours, 1 thread', 4],
      ['Chromium: bytes apart from weights, wllama (q8_0) / ours, 1 thread', 12],
      ['Chromium: peak memory, wllama (q4_0) / ours, 1 thread', 0.5],
    ]);
  });

  it('claims nothing where one side was not measured', () => {
    expect(verdictsOf([row('fast', 'decode @128', [300])])).toEqual([]);
  });
});

describe('sessionsOf', () => {
  it('asks transformers.js once, and for the long context on one thread only', () => {
    const sessions = sessionsOf(['native', 'browser', 'long'], ['q4_1', 'q4_0'], [1, 2]);
    const asked = sessions.filter(({ contenders }) =>
      contenders.some(({ peer }) => peer === 'transformers-js'),
    );
    expect(asked.map(({ threads, format }) => [threads, format])).toEqual([
      [1, 'q4_1'],
      [2, 'q4_1'],
    ]);
    expect(sessions.filter(({ part }) => part === 'long').map(({ threads }) => threads)).toEqual([1]);
    expect(sessions).toHaveLength(9);
  });
});
