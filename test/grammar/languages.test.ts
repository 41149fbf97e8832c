import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intersect, matches, numStates, subtract, union } from '../../src/grammar/dfa.ts';
import { FORMATS } from '../../src/grammar/formats.ts';
import { compileEbnf, compileRegex } from '../../src/grammar/grammar.ts';
import { decimalOf, numberDfa, obeys, type Relation } from '../../src/grammar/number-language.ts';
import { regexDfa } from '../../src/grammar/regex-dfa.ts';
import { tinyVocabulary } from '../support/tiny-vocabulary.ts';

const PATTERNS = [
  'a*b',
  '^a|b$',
  '^(a|ab)(c|bcd)$',
  '[^ab]+',
  '^a{2,3}b{2}$',
  '^(?:ab?)*$',
  'a.c',
  '^\\w+\\s\\d?$',
  '^$',
  'a||b',
  '^[a-c-]*$',
  '^(?!ab)(?=.*c)[abc]*$',
  '\\.|\\/',
  '[\\]\\\\]',
  '^(a|b)*abb$',
  '^a*?b+?$',
  '\\u0061\\x62',
];

describe('regexDfa', () => {
  it.each(PATTERNS)('matches as JavaScript does: %s', (pattern) => {
    const search = regexDfa(pattern, true);
    const whole = regexDfa(pattern, false);
    const text = fc.string({ unit: fc.constantFrom(...'aabbccd -]\\./{}0_\n😀'), maxLength: 8 });
    const anywhere = new RegExp(pattern, 'u');
    const complete = new RegExp(`^(?:${pattern})$`);
    fc.assert(
      fc.property(text, (one) => {
        expect([one, matches(search, one)]).toEqual([one, anywhere.test(one)]);
        expect([one, matches(whole, one)]).toEqual([one, complete.test(one)]);
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  it('has intersection, union and difference', () => {
    const a = regexDfa('a', true);
    const b = regexDfa('b', true);
    const texts = ['', 'a', 'b', 'ab', 'c'];
    expect(texts.map((text) => matches(intersect(a, b), text))).toEqual([false, false, false, true, false]);
    expect(texts.map((text) => matches(union(a, b), text))).toEqual([false, true, true, true, false]);
    expect(texts.map((text) => matches(subtract(a, b), text))).toEqual([false, true, false, false, false]);
    expect(numStates(intersect(regexDfa('^a$', true), regexDfa('^b$', true)))).toBe(0);
  });
});

describe('numberDfa', () => {
  it('obeys limits and divisors exactly, for any decimals of up to 15 digits', { tags: ['slow'] }, () => {
    const relations: Relation[] = ['<', '<=', '>', '>=', '!='];
    const value = fc.integer({ min: -2000, max: 2000 }).map((n) => n / 8);
    const rule = fc.record({ relation: fc.constantFrom(...relations), value });
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 2 }),
        fc.constantFrom(1, 3, 7),
        fc.array(value),
        (bounds, divisor, values) => {
          const divisors = divisor > 1 ? [{ divisor, divides: true }] : [];
          const rules = { integer: undefined, bounds, divisors, canonical: false };
          const dfa = numberDfa(rules);
          for (const one of values.filter((n) => !Object.is(n, -0))) {
            expect([rules, one, matches(dfa, String(one))]).toEqual([rules, one, obeys(one, rules)]);
          }
        },
      ),
      { numRuns: 12, seed: 5 },
    );
  });

  it('reads the decimal of any double', () => {
    expect(decimalOf(-12.5)).toEqual({ isNegative: true, whole: '12', fraction: '5' });
    expect(decimalOf(1e21)).toEqual({ isNegative: false, whole: `1${'0'.repeat(21)}`, fraction: '' });
    expect(decimalOf(1.5e-7)).toEqual({ isNegative: false, whole: '0', fraction: '00000015' });
  });

  it('writes numbers of sets in one way', () => {
    const dfa = numberDfa({ integer: undefined, bounds: [], divisors: [], canonical: true });
    expect(['1', '0.5', '-3'].every((text) => matches(dfa, text))).toBe(true);
    expect(['1.0', '0.50', '1e0', '-0'].some((text) => matches(dfa, text))).toBe(false);
  });
});

describe('FORMATS', () => {
  it('compiles each to fewer than 3,000 states', { tags: ['slow'] }, () => {
    for (const [name, pattern] of Object.entries(FORMATS)) {
      expect([name, numStates(regexDfa(pattern, false)) < 3000]).toEqual([name, true]);
    }
  });
});

describe('compileRegex and compileEbnf', () => {
  const utf8 = new TextEncoder();
  const takes = (grammar: ReturnType<typeof compileRegex>, text: string) => {
    const matcher = grammar.matcher();
    return (text === '' || matcher.acceptBytes(utf8.encode(text))) && matcher.isComplete;
  };

  it('take whole texts', () => {
    const regex = compileRegex('a+b?', tinyVocabulary);
    expect(['a', 'aab', 'b', 'abc', ''].map((text) => takes(regex, text))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('nest rules without end', () => {
    const sum = compileEbnf(
      `root ::= expr  # a sum
       expr ::= term (" + " term)*
       term ::= [0-9]{1,3} | "(" expr ")" | 'é' ;`,
      tinyVocabulary,
    );
    const good = ['1', '1 + 22', '((1) + é)', `${'('.repeat(200)}7${')'.repeat(200)}`];
    expect(good.map((text) => takes(sum, text))).toEqual(good.map(() => true));
    const bad = ['', '1 +', '1234', '(1', '1)', '()'];
    expect(bad.map((text) => takes(sum, text))).toEqual(bad.map(() => false));
  });

  it('count what repeats', () => {
    const rules = 'root ::= item{2,3}\nitem ::= "a" root? "."';
    const grammar = compileEbnf(rules, tinyVocabulary);
    const texts = ['a.a.', 'a.a.a.', 'a.', 'a.a.a.a.', 'aa.a..a.'];
    expect(texts.map((text) => takes(grammar, text))).toEqual([true, true, false, false, true]);
  });

  it('hold texts too long to be one automaton, and a thousand rules each in the one before', () => {
    const rules = (length: number, body: (next: string) => string) =>
      Array.from({ length }, (_, i) => `${i === 0 ? 'root' : `r${i}`} ::= ${body(`r${i + 1}`)}\n`).join('') +
      `r${length} ::= "b"`;
    const doubled = compileEbnf(
      rules(40, (next) => `${next} ${next}`),
      tinyVocabulary,
    );
    expect(doubled.fewestBytes).toBe(2 ** 40);
    expect([doubled.matcher().acceptBytes(utf8.encode('bb')), takes(doubled, 'b')]).toEqual([true, false]);
    const chain = compileEbnf(
      rules(999, (next) => `"a" ${next}`),
      tinyVocabulary,
    );
    expect(takes(chain, `${'a'.repeat(999)}b`)).toBe(true);
  });
});
