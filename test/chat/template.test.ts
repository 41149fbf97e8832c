import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { chatml, SMOLLM2_TEMPLATE } from '../../src/chat/chatml.ts';
import { checkMessages } from '../../src/chat/message.ts';
import { ChatTemplate, ConversationError } from '../../src/chat/template.ts';
import { goldenJson } from '../support/goldens.ts';

const conversations = goldenJson('chat/conversations.json');
const templates = goldenJson('chat/templates.json');
const hi = [{ role: 'user', content: 'hi' }];

describe('chatml', () => {
  it('writes the 80 golden conversations as jinja2 does from the template of the model file', () => {
    expect(conversations.template).toBe(SMOLLM2_TEMPLATE);
    expect(conversations.cases.length).toBe(80);
    for (const { messages, add_generation_prompt: addGenerationPrompt, text } of conversations.cases) {
      expect(chatml(messages, { addGenerationPrompt })).toBe(text);
    }
  });
});

describe('ChatTemplate', () => {
  it.each([
    ['known and written by chatml', SMOLLM2_TEMPLATE],
    ['run by the template engine', `${SMOLLM2_TEMPLATE}{# unlike the known one #}`],
  ])('gives the 80 golden conversations with the template of SmolLM2 %s', async (_, source) => {
    const template = new ChatTemplate(source);
    for (const { messages, add_generation_prompt: addGenerationPrompt, text } of conversations.cases) {
      expect(await template.render(messages, { addGenerationPrompt })).toBe(text);
    }
  });

  it('gives what jinja2 gives on 48 renderings of four templates, and fails where it fails', {
    tags: ['slow'],
  }, async () => {
    expect(templates.cases.length).toBe(48);
    for (const { template: name, messages, tools, add_generation_prompt, text } of templates.cases) {
      const template = new ChatTemplate(templates.templates[name], { bos: '<s>', eos: '</s>' });
      const options = {
        addGenerationPrompt: add_generation_prompt,
        now: new Date(templates.now),
        ...(tools && { tools }),
      };
      const rendered = template.render(messages, options);
      if (text === undefined) await expect(rendered, name).rejects.toThrow();
      else expect(await rendered, name).toBe(text);
    }
  });

  it('ends in a ConversationError with the words of raise_exception', async () => {
    const template = new ChatTemplate(templates.templates['roles must alternate']);
    const rendered = template.render([{ role: 'assistant', content: 'first' }]);
    await expect(rendered).rejects.toThrow(ConversationError);
    await expect(rendered).rejects.toThrow('Conversation roles must alternate');
  });

  it('knows nothing by the names constructor and __proto__', async () => {
    const names = ['messages', 'messages[0]', 'messages[0].content', 'range', 'namespace()', 'true'];
    for (const value of names) {
      for (const member of ['constructor', '__proto__', 'prototype', '__class__']) {
        for (const access of [`${value}.${member}`, `${value}['${member}']`]) {
          const template = new ChatTemplate(`{{ ${access} is defined }}|{{ ${access} }}`);
          expect(await template.render(hi), access).toBe('False|');
        }
      }
    }
    expect(await new ChatTemplate('{{ constructor }}{{ __proto__ }}{{ globalThis }}').render(hi)).toBe('');
  });

  it('is given messages whose members are called __proto__ without harm', async () => {
    const messages = JSON.parse('[{"role":"user","content":"a","__proto__":{"polluted":"yes"}}]');
    const template = new ChatTemplate("{{ messages[0]['__proto__'].polluted }}{{ messages[0].polluted }}");
    expect(await template.render(messages)).toBe('yes');
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it.each(['{{ ', '{% if %}', '{% for x in %}{% endfor %}', '{{ x | no_such_filter }}', '{{ none.x() }}'])(
    'refuses the template %s with a FormatError',
    async (source) => {
      await expect(new ChatTemplate(source).render(hi)).rejects.toThrow(FormatError);
    },
  );

  it('can be used again after it failed', async () => {
    const template = new ChatTemplate('{{ messages[0].content.upper() }}');
    await expect(template.render([])).rejects.toThrow(FormatError);
    expect(await template.render(hi)).toBe('HI');
  });
});

describe('the budget of a template', () => {
  /** A text of 2^19 letters as ns.s. */
  const big =
    '{% set ns = namespace(s="x") %}{% for i in range(19) %}{% set ns.s = ns.s + ns.s %}{% endfor %}';
  const hostile: [string, string, RegExp][] = [
    [
      'nested loops over range(25000)',
      '{% for i in range(25000) %}{% for j in range(25000) %}x{% endfor %}{% endfor %}',
      /steps/,
    ],
    ['a loop of 100000 rounds', '{% for i in range(100000) %}{% endfor %}', /steps/],
    ['a range of 10^9', '{{ range(1000000000) }}', /range/],
    ['a range without end', '{{ range(0, 1, 0) }}', /range/],
    ['60000 ranges of 100000', '{% for i in range(60000) %}{% set x = range(100000) %}{% endfor %}', /steps/],
    ['a macro that calls itself', '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}', /inside each other/],
    [
      'a text that doubles',
      '{% set ns = namespace(s="xxxx") %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}',
      /characters/,
    ],
    [
      'a list that doubles',
      '{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
      /characters/,
    ],
    [
      'a list of two of itself',
      '{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}',
      /characters/,
    ],
    [
      'lists 1000 deep',
      '{% set ns = namespace(s=[1]) %}{% for i in range(1000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}',
      /inside each other/,
    ],
    ['a namespace in itself', '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns | tojson }}', /namespace/],
    ['output without end', `${big}{% for i in range(10000) %}{{ ns.s }}{% endfor %}`, /characters/],
    ['a large separator', `${big}{{ range(100000) | join(ns.s) | length }}`, /characters/],
    ['a large replacement', `${big}{{ ns.s.replace("x", ns.s) | length }}`, /characters/],
    ['the same as a filter', `${big}{{ ns.s | replace("x", ns.s) | length }}`, /characters/],
    ['the same by a computed name', `${big}{{ ns.s["re" ~ "place"]("x", ns.s) | length }}`, /characters/],
    ['the same with spread arguments', `${big}{{ ns.s.replace(*["x", ns.s]) | length }}`, /characters/],
    ['the same through a variable', `${big}{% set f = ns.s.replace %}{{ f("x", ns.s) }}`, /characters/],
    ['a text times a number', `{{ 'x' * 1000000000 }}`, /characters/],
    ['a list times a number', `{{ [1] * 1000000000 }}`, /characters/],
    ['a wide field', `{{ '%1000000000d' % 1 }}`, /characters/],
    ['another wide field', `{{ '{:1000000000}'.format(1) }}`, /characters/],
    ['a wide centre', `{{ 'x' | center(1000000000) }}`, /characters/],
    ['many slices', `{{ [1] | slice(1000000000) | list }}`, /characters/],
    [
      'large items of a generator',
      `${big}{{ range(100000) | map('replace', '1', ns.s) | list | length }}`,
      /characters/,
    ],
    ['the same as a block', `${big}{% filter replace("x", ns.s) %}{{ ns.s }}{% endfilter %}`, /characters/],
    ['a wide indentation', '{{ "a\nb" | indent(1000000000) }}', /characters/],
    ['a wide indentation of JSON', '{{ [1, 2] | tojson(indent=1000000000) }}', /spacing/],
    [
      'long searches in a long loop',
      `${big}{% for i in range(60000) %}{% if "y" in ns.s %}{% endif %}{% endfor %}`,
      /go through/,
    ],
    ['30000 brackets', `{{ ${'('.repeat(30_000)} }}`, /can be run/],
    ['5000 blocks inside each other', '{% if a %}'.repeat(5000), /can be run/],
  ];

  it.each(hostile)('ends %s in a FormatError', async (_, source, message) => {
    const rendered = new ChatTemplate(source).render(hi);
    await expect(rendered).rejects.toThrow(FormatError);
    await expect(rendered).rejects.toThrow(message);
  });

  it('allows templates of 65536 characters and white space of 1024 in a row, and no more', () => {
    expect(new ChatTemplate('x'.repeat(65_536)).source.length).toBe(65_536);
    expect(() => new ChatTemplate('x'.repeat(65_537))).toThrow(FormatError);
    expect(new ChatTemplate(`a${' '.repeat(1024)}b`).source.length).toBe(1026);
    expect(() => new ChatTemplate(`a${' \n'.repeat(513)}b`)).toThrow(FormatError);
  });

  it('leaves room for 1000 messages of 4000 characters through the longest of the golden templates', {
    tags: ['slow'],
  }, async () => {
    const messages = Array.from({ length: 1000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `${i} `.padEnd(4000, 'word '),
    }));
    for (const name of [
      'headers, date and tools in the first message',
      'neighbours, namespaces and blocks',
    ]) {
      const text = await new ChatTemplate(templates.templates[name], { bos: '', eos: '' }).render(messages);
      expect(text.length).toBeGreaterThan(20_000);
    }
  });
});

describe('checkMessages', () => {
  it('returns what is a list of messages as it is', () => {
    const messages = [
      ...hi,
      { role: 'tool', content: '', name: 'weather' },
      { role: 'user', content: [{ type: 'text', text: 'a part' }] },
      { role: 'assistant', content: null, tool_calls: [{ function: { name: 'weather' } }] },
    ];
    expect(checkMessages(messages)).toBe(messages);
    expect(checkMessages([])).toEqual([]);
  });

  it.each([
    [undefined, 'messages: expected an array, got undefined'],
    ['hi', 'messages: expected an array, got string'],
    [[...hi, null], 'messages[1]: expected an object, got null'],
    [[['user', 'hi']], 'messages[0]: expected an object, got an array'],
    [[{ content: 'hi' }], 'messages[0].role: expected a text, got undefined'],
    [[...hi, { role: 'user', content: 5 }], 'messages[1].content: expected a text, got number'],
    [[{ role: 'user', content: null }], 'messages[0].content: expected a text, got null'],
    [
      [{ role: 'user', content: [{ type: 'image' }] }],
      `messages[0].content[0]: expected { type: 'text', text }, got`,
    ],
    [
      [{ role: 'user', content: ['a'] }],
      `messages[0].content[0]: expected { type: 'text', text }, got string`,
    ],
  ])('refuses %j', (value, message) => {
    expect(() => checkMessages(value)).toThrow(TypeError);
    expect(() => checkMessages(value)).toThrow(message);
  });
});
