import { describe, expect, it } from 'vitest';
import { compileTools, ToolCallReader, type ToolEvent, ToolTrigger } from '../../src/grammar/tools.ts';
import { cut, END, tinyVocabulary } from '../support/tiny-vocabulary.ts';

const tools = [
  {
    name: 'weather',
    parameters: {
      type: 'object',
      properties: { city: { $ref: '#/$defs/c' } },
      required: ['city'],
      additionalProperties: false,
      $defs: { c: { type: 'string' } },
    },
  },
  { name: 'now' },
];
const call =
  '<tool_call>[{"name":"weather","arguments":{"city":"a } \\" b"}},{"name":"now","arguments":{}}]</tool_call>';

const allows = (text: string, options = {}) => {
  const matcher = compileTools(tools, tinyVocabulary, options).matcher();
  return [...cut(text, () => 0), END].every((id) => matcher.accept(id));
};

describe('compileTools', () => {
  it('allows calls of the tools with their arguments, and nothing else', { tags: ['slow'] }, () => {
    expect(allows(call)).toBe(true);
    const wrong = [
      '',
      'text',
      '<tool_call>[]</tool_call>',
      call.replace('city', 'town'),
      call.replace('now', 'then'),
      `${call} x`,
    ];
    expect(wrong.filter((text) => allows(text))).toEqual([]);
    expect(allows(call, { maxCalls: 1 })).toBe(false);
  });

  it('refuses names that are double or wrong', () => {
    expect(() => compileTools([{ name: 'a' }, { name: 'a' }], tinyVocabulary)).toThrow(/each once/);
    expect(() => compileTools([{ name: 'a b' }], tinyVocabulary)).toThrow(/letters, digits/);
  });
});

describe('ToolTrigger', () => {
  it('leaves text free until the tag is written, and then allows a call only', () => {
    const trigger = new ToolTrigger(compileTools(tools, tinyVocabulary, { begun: true }), tinyVocabulary);
    const free = () => {
      const scores = new Float64Array(tinyVocabulary.vocabSize);
      trigger.mask(scores);
      return [...scores.keys()].filter((id) => scores[id] === 0);
    };
    for (const id of cut('I look <tool_call', () => 0)) trigger.accept(id);
    expect(trigger.isCall).toBe(false);
    expect(free().length).toBe(tinyVocabulary.vocabSize);
    trigger.accept(cut('>', () => 0)[0]);
    expect(trigger.isCall).toBe(true);
    const texts = free().map((id) => String.fromCharCode(...tinyVocabulary.tokenBytes(id)));
    expect(texts.sort()).toEqual(['[', '[{"']);
  });
});

describe('ToolCallReader', () => {
  it('gives names and pieces of arguments that join to what was written, however the answer is cut', () => {
    for (const length of [1, 2, 3, 7, 200]) {
      const reader = new ToolCallReader();
      const events: ToolEvent[] = [];
      const answer = `Look: ${call}`;
      for (let at = 0; at < answer.length; at += length)
        events.push(...reader.push(answer.slice(at, at + length)));
      events.push(...reader.end());
      const joined = (index: number) =>
        events
          .map((event) => (event.kind === 'arguments' && event.index === index ? event.text : ''))
          .join('');
      expect([joined(0), joined(1)]).toEqual(['{"city":"a } \\" b"}', '{}']);
      expect(events.flatMap((event) => (event.kind === 'name' ? [event.name] : []))).toEqual([
        'weather',
        'now',
      ]);
      expect(events.map((event) => (event.kind === 'text' ? event.text : '')).join('')).toBe('Look: ');
    }
  });
});
