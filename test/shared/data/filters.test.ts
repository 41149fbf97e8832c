import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { stageKind } from '../../../src/data/create-stage.ts';
import { simplify } from '../../../src/data/simplify.ts';
import { checkedOptions, isRemoval, type Stage } from '../../../src/data/stage.ts';
import { numCodePoints } from '../../../src/data/words/python-strings.ts';
import { sentences, words } from '../../../src/data/words/words.ts';
import { sharedFile } from '../shared.ts';

// 335 documents (web pages, near duplicates, edge cases) as datatrove 0.10.1 and spaCy 3.8.18 saw them.
type Row = { id: string } & Record<string, unknown>;
const rows = (name: string): Row[] =>
  gunzipSync(readFileSync(sharedFile(`goldens/curation/${name}.jsonl.gz`)))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const texts = new Map(rows('docs').map(({ id, text }) => [id, text as string]));
const decisions = rows('filters');

describe('words, sentences and normal form', () => {
  const goldens = rows('text');

  it('equal those of 127 documents', () => {
    expect(goldens).toHaveLength(127);
    for (const golden of goldens) {
      const text = texts.get(golden.id)!;
      // The goldens have no sentence for the empty text, datatrove's own function has one: the empty one.
      const lengths = text === '' ? [] : sentences(text).map(numCodePoints);
      expect([golden.id, words(text), lengths, simplify(text)]).toEqual([
        golden.id,
        golden.words,
        golden.sentences,
        golden.simplified,
      ]);
    }
  });
});

describe.each<[golden: string, stage: string, options: Record<string, unknown>]>([
  ['gopher_quality', 'gopher-quality', {}],
  ['gopher_repetition', 'gopher-repetition', {}],
  ['c4_quality', 'c4-quality', {}],
  ['c4_quality_fineweb', 'c4-quality', { filterNoTerminalPunct: false }],
  ['c4_paragraph', 'c4-paragraph', {}],
  ['fineweb_quality', 'fineweb-quality', {}],
])('%s', (golden, name, options) => {
  it('has the decision, the reason and the edited text of all 335 documents', () => {
    const kind = stageKind(name);
    const stage = kind.create(checkedOptions(kind, options), { readBytes: () => Promise.reject() }) as Stage;
    for (const row of decisions) {
      const before = texts.get(row.id)!;
      const outcome = stage.apply({ id: row.id, text: before, metadata: {} });
      const { keep, reason, text } = row[golden] as { keep: boolean; reason?: string; text?: string };
      const ours = isRemoval(outcome)
        ? { keep: false, is: outcome.removed }
        : { keep: true, is: outcome.text };
      expect([row.id, ours]).toEqual([row.id, { keep, is: keep ? (text ?? before) : reason }]);
    }
  });
});

describe.each<[golden: string, stage: string, options: Record<string, unknown>]>([
  ['pii', 'pii', { emailReplacement: ['<EMAIL>'], ipReplacement: ['<IP>'] }],
  ['symbol_lines', 'symbol-lines', {}],
])('%s', (golden, name, options) => {
  it('edits all 335 documents alike', () => {
    const kind = stageKind(name);
    const stage = kind.create(checkedOptions(kind, options), { readBytes: () => Promise.reject() }) as Stage;
    for (const row of decisions) {
      const text = texts.get(row.id)!;
      const outcome = stage.apply({ id: row.id, text, metadata: {} });
      expect([row.id, outcome]).toMatchObject([row.id, { text: row[golden] ?? text }]);
    }
  });
});
