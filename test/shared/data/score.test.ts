import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { trainScorer } from '../../../src/data/score/train.ts';
import { sharedFile } from '../shared.ts';

it('tells good pages from others: area under the curve of at least 0.84 on 260 labelled pages', {
  timeout: 600_000,
}, () => {
  const rows: { text: string; label?: number }[] = gunzipSync(
    readFileSync(sharedFile('goldens/curation/docs.jsonl.gz')),
  )
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const texts = rows.flatMap(({ text, label }) => (label === undefined ? [] : [{ text, label }]));
  expect(texts).toHaveLength(260);
  const { report } = trainScorer(texts, { penalties: [0.1] });
  console.log(report.tried);
  expect(report.tried[0].areaUnderCurve).toBeGreaterThanOrEqual(0.84);
});
