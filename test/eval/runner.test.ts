import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import { compareRuns } from '../../src/eval/compare-runs.ts';
import { ModelScorer } from '../../src/eval/model-scorer.ts';
import { htmlReport, markdownReport, reportOf } from '../../src/eval/report.ts';
import { parseRows, type RowSource } from '../../src/eval/rows.ts';
import { type RunOptions, runTasks } from '../../src/eval/runner.ts';
import { lineOf, parseSamples, type Sample } from '../../src/eval/sample.ts';
import { tasksNamed } from '../../src/eval/task-list.ts';
import { FakeModel, fakeTokenizer, hashing } from '../support/fake-model.ts';

const piqaLines = Array.from({ length: 12 }, (_, n) =>
  JSON.stringify({ goal: `do ${n * 7}`, sol1: `by ${n} a`, sol2: `with ${n * 3} b`, label: n % 2 }),
);
const arcLines = Array.from({ length: 5 }, (_, n) =>
  JSON.stringify({ question: `why ${n}`, choices: [`a${n}`, 'b', `c ${n}`], gold: n % 3 }),
);
const source: RowSource = {
  async rows({ file }) {
    if (file.startsWith('piqa.validation')) return parseRows(file, piqaLines.join('\n'));
    if (file.startsWith('arc_easy.test')) return parseRows(file, arcLines.join('\n'));
    throw new UnavailableError(`${file}: not here`);
  },
};
const settings = { model: '135m-instruct', style: 'lighteval', chat: false, seed: 42 } as const;

/** Runs both tasks and gives the file that was written. */
async function fileOf(options: Partial<RunOptions> = {}): Promise<string> {
  let file = '';
  await runTasks(
    tasksNamed(['piqa', 'arc:easy']),
    source,
    new ModelScorer(new FakeModel(hashing), fakeTokenizer),
    {
      ...settings,
      runCode: async () => ({ passed: false, reason: '' }),
      onSample: (sample) => void (file += lineOf(sample)),
      ...options,
    },
  );
  return file;
}

/**
 * Runs until `stopAfter` samples are in the file, then fails as a power cut would: in the middle of a line.
 */
async function interrupted(stopAfter: number, cutAt: number): Promise<string> {
  let file = '';
  let count = 0;
  const onSample = (sample: Sample) => {
    file += lineOf(sample);
    if (++count === stopAfter) throw new Error('power cut');
  };
  await expect(fileOf({ onSample })).rejects.toThrow('power cut');
  return file.slice(0, file.length - cutAt);
}

describe('runTasks', () => {
  it.each([
    [1, 0],
    [5, 1],
    [12, 40],
    [14, 0],
    [17, 3],
  ])(
    'resumed after %i of 17 samples, the last line %i bytes short, gives the same file',
    async (after, cutAt) => {
      const whole = await fileOf();
      const { samples: known, wholeBytes } = parseSamples('run.jsonl', await interrupted(after, cutAt));
      expect(known).toHaveLength(after - (cutAt > 0 ? 1 : 0));
      let file = whole.slice(0, wholeBytes);
      await fileOf({ known, onSample: (sample) => void (file += lineOf(sample)) });
      expect(file).toBe(whole);
    },
  );

  it('computes only what is not known, and says how much that was', async () => {
    const { samples } = parseSamples('run.jsonl', await fileOf());
    const computed: number[] = [];
    const onProgress: RunOptions['onProgress'] = (progress) => computed.push(progress.computed);
    await fileOf({ known: samples.slice(0, 15), onSample: () => {}, onProgress });
    expect(computed.slice(-3)).toEqual([0, 1, 2]);
  });

  it('refuses known samples that were asked with other examples in front', async () => {
    const { samples } = parseSamples('run.jsonl', await fileOf({ rows: [0, 1] }));
    const known = samples.map((sample) => ({ ...sample, shots: sample.task === 'piqa' ? 0 : 5 }));
    await expect(fileOf({ known })).rejects.toThrow(
      'shots: expected 0 for arc:easy, got samples with 5; take another file',
    );
  });

  it("takes rows of the file, or the first of the shuffled order in the file's order", async () => {
    const rowsOf = (file: string) =>
      parseSamples('run.jsonl', file).samples.map(({ task, row }) => `${task} ${row}`);
    expect(rowsOf(await fileOf({ rows: [2, 4] }))).toEqual([
      ...['piqa 2', 'piqa 3', 'piqa 4'],
      ...['arc:easy 2', 'arc:easy 3', 'arc:easy 4'],
    ]);
    // random.Random(42).shuffle of 12 begins 7, 5, 2; of 5 it begins 3, 1, 2 (CPython 3.11).
    expect(rowsOf(await fileOf({ limit: 3 }))).toEqual([
      ...[2, 5, 7].map((row) => `piqa ${row}`),
      ...[1, 2, 3].map((row) => `arc:easy ${row}`),
    ]);
    await expect(fileOf({ rows: [0, 5] })).rejects.toThrow('rows: arc:easy has rows 0 to 4, got 0-5');
  });

  it('says what is missing before the first question is asked', async () => {
    const seen: Sample[] = [];
    const run = fileOf({ shots: 1, onSample: (sample) => void seen.push(sample) });
    await expect(run).rejects.toThrow('piqa.train.jsonl: not here');
    expect(seen).toEqual([]);
  });

  it('stops between questions at a signal', async () => {
    const controller = new AbortController();
    const seen: Sample[] = [];
    const onSample = (sample: Sample) => {
      if (seen.push(sample) === 4) controller.abort();
    };
    await expect(fileOf({ signal: controller.signal, onSample })).rejects.toThrow('aborted');
    expect(seen).toHaveLength(4);
  });
});

describe('parseSamples', () => {
  it('names the line and the byte of what is no sample', () => {
    const good = '{"task":"piqa","row":0,"scores":{}}\n';
    expect(() => parseSamples('run.jsonl', `${good}{"task":1}\n`)).toThrow(
      `run.jsonl, line 2: expected a sample with task, row and scores (byte ${good.length})`,
    );
    expect(() => parseSamples('run.jsonl', 'piqa\n')).toThrow(/^run\.jsonl, line 1: expected JSON/);
  });
});

const sample = (task: string, row: number, fields: Partial<Sample>): Sample => ({
  ...settings,
  shots: 0,
  task,
  row,
  chosen: 0,
  gold: 0,
  scores: { acc_norm: 1, acc: 0 },
  ...fields,
});

describe('reportOf', () => {
  const samples = [
    sample('piqa', 0, {}),
    sample('piqa', 1, { scores: { acc_norm: 0, acc: 0 } }),
    sample('arc:easy', 0, {}),
    sample('arc:challenge', 0, { scores: { acc_norm: 0, acc: 1 } }),
  ];

  it('gives means with their errors, the mean of the parts of ARC, and the card next to them', () => {
    const report = reportOf(samples);
    expect(report.tasks.map(({ task, published }) => [task, published])).toEqual([
      ['piqa', 66.3],
      ['arc:easy', undefined],
      ['arc:challenge', undefined],
      ['arc', 37.3],
    ]);
    expect(report.tasks[0].metrics[0]).toEqual({ name: 'acc_norm', value: 0.5, standardError: 0.5 });
    expect(report.tasks[3].metrics[0].value).toBe(0.5);
  });

  it('prints a row per figure in Markdown, and escapes what is printed in HTML', () => {
    expect(markdownReport(reportOf(samples))).toContain(
      '| piqa | 2 | 0 | acc_norm | 50.0 ± 50.0 | 0.0 to 100.0 | 66.3 |',
    );
    const page = htmlReport(reportOf([sample('<b>', 0, {})]));
    expect(page).toContain('<td>&lt;b&gt;</td>');
    expect(page).toContain('style="width:100.00%"');
  });

  it('refuses nothing at all', () => {
    expect(() => reportOf([])).toThrow('report: expected at least one sample, got none');
  });
});

describe('compareRuns', () => {
  it('counts equal choices, the largest difference, and by how much a different choice was preferred', () => {
    const first = [
      sample('piqa', 0, { loglikelihood: [-1, -2] }),
      sample('piqa', 1, { loglikelihood: [-3, -3.25], chosen: 0 }),
      sample('piqa', 2, { loglikelihood: [-1, -2] }),
    ];
    const second = [
      sample('piqa', 1, { loglikelihood: [-3.5, -3.25], chosen: 1, scores: { acc_norm: 0, acc: 0 } }),
      sample('piqa', 0, { loglikelihood: [-1, -2.125] }),
    ];
    expect(compareRuns(first, second)).toEqual([
      {
        task: 'piqa',
        common: 2,
        onlyInFirst: 1,
        onlyInSecond: 0,
        sameChoice: 1,
        maxDelta: 0.5,
        meanDelta: 0.15625,
        scores: [1, 0.5],
        disagreements: [{ row: 1, chosen: [0, 1], gold: 0, margin: 0.25 }],
      },
    ]);
  });
});
