import { describe, expect, it } from 'vitest';
import { stageKind } from '../../src/data/create-stage.ts';
import { checkedOptions, type Stage } from '../../src/data/stage.ts';
import { nodeStageKind } from '../../src/node/curate/stage-table.ts';

const files: Record<string, string> = { 'lists/domains': '# blocked\nblocked.com\nsub.site.org\n\n' };
const resources = { readBytes: async (path: string) => new TextEncoder().encode(files[path]) };
const stageOf = async (name: string, options: Record<string, unknown>) => {
  const kind = nodeStageKind(name);
  return (await kind.create(checkedOptions(kind, options), resources)) as Stage;
};
const doc = (metadata: Record<string, unknown>, text = 'x') => ({ id: 'x', text, metadata });

/** What datatrove 0.10.1 decides with the same lists. */
const ADDRESSES: [url: string, reason: string | undefined][] = [
  ['https://blocked.com/x', 'domain'],
  ['https://www.blocked.com', 'domain'],
  ['http://sub.site.org/a', 'subdomain'],
  ['http://x.sub.site.org/a', undefined],
  ['http://site.org/', undefined],
  ['https://www.shop.co.uk/p', 'domain'],
  ['https://ok.org/bad-page', 'url'],
  ['https://ok.org/bad-page?x', undefined],
  ['https://ok.org/casino/1', 'hard_blacklisted'],
  ['https://ok.org/Casino/1', undefined],
  ['https://ok.org/pokerface', undefined],
  ['https://ok.org/win-bonus', 'soft_blacklisted'],
  ['https://ok.org/win-win', undefined],
  ['https://ok.org/FREEpills', 'blacklisted_subword'],
  ['https://user:pw@blocked.com:8080/x', 'domain'],
  ['//blocked.com/y', 'domain'],
  ['blocked.com/z', 'domain'],
  ['http://x.deep.a.com/', undefined],
  ['http://deep.a.com', 'subdomain'],
  ['http://8.8.8.8/x', undefined],
  ['https://ok.org/lucky.bonus', 'soft_blacklisted'],
  ['HTTPS://WWW.Blocked.Com/', undefined],
];

describe('url-filter', () => {
  const options = {
    domains: ['file:lists/domains', 'shop.co.uk', 'deep.a.com'],
    urls: ['https://ok.org/bad-page'],
    bannedWords: ['Casino', 'poker'],
    bannedSubwords: ['free-pills'],
    softBannedWords: ['win', 'bonus', 'lucky'],
  };

  it.each(ADDRESSES)('decides as datatrove about %s', async (url, reason) => {
    const outcome = (await stageOf('url-filter', options)).apply(doc({ url }));
    expect('removed' in outcome ? outcome.removed : undefined).toBe(reason);
  });

  it('removes a document without an address, where datatrove stops', async () => {
    expect((await stageOf('url-filter', options)).apply(doc({}))).toEqual({ removed: 'no_url' });
  });
});

describe('require and threshold', () => {
  it('remove what lacks a field or has too low a score, with exceptions by another field', async () => {
    const has = await stageOf('require', { fields: ['license', 'repo'] });
    expect(has.apply(doc({ license: 'MIT', repo: '' }))).toEqual({ removed: 'no_repo' });
    expect(has.apply(doc({ license: 'MIT', repo: 'a/b' }))).toHaveProperty('text');
    const high = await stageOf('threshold', { exceptions: ['Java:2'] });
    const reason = (metadata: Record<string, unknown>) => {
      const outcome = high.apply(doc(metadata));
      return 'removed' in outcome ? outcome.removed : undefined;
    };
    expect(reason({ score: 3, language: 'C' })).toBeUndefined();
    expect(reason({ score: 2.99, language: 'C' })).toBe('low_score');
    expect(reason({ score: 2, language: 'Java' })).toBeUndefined();
    expect(reason({ language: 'Java' })).toBe('no_score');
    expect(reason({ score: Number.NaN })).toBe('no_score');
  });

  it('refuse options that say nothing', () => {
    const kind = stageKind('threshold');
    expect(() => kind.create(checkedOptions(kind, { exceptions: ['Java'] }), resources)).toThrow(
      /NAME:SCORE/,
    );
    const fields = stageKind('require');
    expect(() => fields.create(checkedOptions(fields, {}), resources)).toThrow(/expected the names/);
  });
});

describe('language', () => {
  /** Sentences of our own. */
  const SENTENCES: [language: string, text: string][] = [
    ['en', 'The lanterns along the harbour are lit before the boats come home in the evening.'],
    ['de', 'Am Abend werden die Laternen am Hafen angezündet, bevor die Boote zurückkommen.'],
    ['fr', 'Le soir, on allume les lanternes du port avant que les bateaux ne reviennent.'],
    ['es', 'Por la tarde se encienden los faroles del puerto antes de que vuelvan los barcos.'],
    ['it', 'La sera si accendono le lanterne del porto prima che tornino le barche.'],
    ['nl', 'In de avond worden de lantaarns bij de haven aangestoken voordat de boten terugkomen.'],
    ['pl', 'Wieczorem zapala się latarnie w porcie, zanim łodzie wrócą do domu.'],
    ['ru', 'Вечером в гавани зажигают фонари, прежде чем лодки вернутся домой.'],
    ['zh', '傍晚，港口的灯在船只回来之前就点亮了。'],
    ['ja', '夕方、船が帰ってくる前に港の灯りがともされます。'],
    ['ar', 'في المساء تضاء فوانيس الميناء قبل أن تعود القوارب إلى البيت.'],
  ];

  it.each(SENTENCES)('knows %s', async (language, text) => {
    const outcome = (await stageOf('language', { languages: [], labelOnly: true })).apply(doc({}, text));
    expect(outcome).toMatchObject({ metadata: { language } });
  });

  it('keeps the languages asked for and says what it saw of others', async () => {
    const english = await stageOf('language', {});
    expect(english.apply(doc({}, SENTENCES[0][1]))).toMatchObject({ metadata: { language: 'en' } });
    expect(english.apply(doc({}, SENTENCES[1][1]))).toMatchObject({
      removed: 'language',
      because: expect.stringMatching(/^de /),
    });
    expect(english.apply(doc({}, '12 34 56'))).toEqual({ removed: 'language', because: 'none 0.00' });
  });
});
