import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stageKind } from '../../src/data/create-stage.ts';
import { checkedOptions, isRemoval, type Stage, type TextDocument } from '../../src/data/stage.ts';
import { STAGES } from '../../src/data/stages.ts';

/** What datatrove 0.10.1 decides about texts of our own: test/golden/data/make_filters.py. */
interface Decision {
  readonly removed?: string;
  readonly text?: string;
}
const { texts } = JSON.parse(
  readFileSync(new URL('../golden/data/filters.json', import.meta.url), 'utf8'),
) as { texts: ({ name: string; text: string } & Record<string, Decision>)[] };

function stageOf(name: string, options: Record<string, unknown> = {}): Stage {
  const kind = stageKind(name);
  return kind.create(checkedOptions(kind, options), { readBytes: () => Promise.reject() }) as Stage;
}

function doc(text: string): TextDocument {
  return { id: 'x', text, metadata: {} };
}

const CASES: readonly [golden: string, stage: string, options: Record<string, unknown>][] = [
  ['gopher-quality', 'gopher-quality', {}],
  ['gopher-quality/loose', 'gopher-quality', { minDocWords: 2, minStopWords: 0 }],
  ['gopher-quality/none', 'gopher-quality', { minDocWords: 0, minStopWords: 3 }],
  ['gopher-repetition', 'gopher-repetition', {}],
  ['c4-quality', 'c4-quality', {}],
  ['c4-quality/fineweb', 'c4-quality', { filterNoTerminalPunct: false }],
  ['c4-quality/sentences', 'c4-quality', { splitParagraph: false, minNumSentences: 3 }],
  ['c4-paragraph', 'c4-paragraph', {}],
  ['fineweb-quality', 'fineweb-quality', {}],
  ['pii', 'pii', { emailReplacement: ['<mail>'], ipReplacement: ['<ip>'] }],
  ['symbol-lines', 'symbol-lines', {}],
];

describe.each(CASES)('%s', (golden, name, options) => {
  const stage = stageOf(name, options);

  it.each(texts)('decides as datatrove about: $name', (row) => {
    const outcome = stage.apply(doc(row.text));
    const { removed, text = row.text } = row[golden];
    if (removed !== undefined) expect(outcome).toMatchObject({ removed });
    else expect(outcome).toMatchObject({ text });
  });
});

describe('a stage', () => {
  it('gives back the same document where nothing changes, and never changes the one it is given', () => {
    const good = texts[0];
    for (const name of ['gopher-quality', 'gopher-repetition', 'fineweb-quality', 'pii', 'c4-quality']) {
      const given = Object.freeze(doc(good.text));
      const outcome = stageOf(name).apply(given);
      if (!isRemoval(outcome)) expect(outcome).toBe(given);
    }
  });

  it('refuses options that it does not have or that are of another kind', () => {
    const kind = stageKind('gopher-quality');
    expect(() => checkedOptions(kind, { minWords: 3 })).toThrow(
      /gopher-quality: expected one of its options/,
    );
    expect(() => checkedOptions(kind, { minDocWords: '3' })).toThrow(
      /minDocWords: expected a number, got "3"/,
    );
    expect(() => checkedOptions(kind, { minDocWords: Number.NaN })).toThrow(RangeError);
    expect(() => checkedOptions(kind, { stopWords: 'the' })).toThrow(/expected a list of strings/);
    expect(checkedOptions(kind, { minDocWords: null }).minDocWords).toBeNull();
    expect(() => stageOf('gopher-repetition', { topNGrams: ['two:0.2'] })).toThrow(/LENGTH:SHARE/);
    expect(() => stageKind('gopher')).toThrow(/expected one of .*gopher-quality/);
  });

  it('c4-quality sees a phrase that only the loss of a citation joins, and counts sentences of all lines', () => {
    const stage = stageOf('c4-quality', { minNumSentences: 3 });
    const line = 'This line has words enough.';
    const outcome = stage.apply(doc(`${line}\nEnable java[1]script to read this.\n${line}\n${line}`));
    expect(outcome).toMatchObject({ text: `${line}\n${line}\n${line}` });
    expect(stage.apply(doc(`${line}\n${line}`))).toEqual({
      removed: 'too_few_sentences',
      because: '2 sentences left',
    });
  });

  it('has a summary for people', () => {
    for (const kind of STAGES.values()) expect(kind.summary).toMatch(/^[A-Z].{20,}[^.]$/);
  });
});

describe('hostile texts', () => {
  const long = 200_000;
  it.each([
    ['one word', 'x'.repeat(long)],
    ['marks', '.,:;!?'.repeat(long / 6)],
    ['full stops', '.'.repeat(long)],
    ['at signs', 'a@'.repeat(long / 2)],
    ['atoms', 'a#'.repeat(long / 2)],
    ['labels', `a@${'b.'.repeat(long / 2)}`],
    ['brackets', '['.repeat(long)],
    ['line breaks', '\n'.repeat(long)],
    ['colons', `http://${'a:'.repeat(long / 2)}`],
    ['hyphens', 'a-'.repeat(long / 2)],
    ['spaces', ' '.repeat(long)],
    ['lone surrogates', '\ud800'.repeat(long)],
  ])('%s: every stage ends', { tags: ['slow'] }, async (_, text) => {
    for (const kind of STAGES.values()) {
      // Stages that need files or fields to be named have hostile cases of their own.
      if (kind.name === 'require' || Object.values(kind.options).includes(null)) continue;
      const stage = await kind.create(kind.options, { readBytes: () => Promise.reject() });
      if ('apply' in stage) expect(stage.apply(doc(text))).toBeDefined();
    }
  });
});
