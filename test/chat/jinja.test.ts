import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { Budget } from '../../src/chat/budget.ts';
import { compile } from '../../src/chat/jinja/run.ts';
import type { ChatMessage } from '../../src/chat/message.ts';
import { ChatTemplate } from '../../src/chat/template.ts';
import { goldenJson } from '../support/goldens.ts';

const { conversations, tools, cases } = goldenJson('chat/constructs.json');
const scopes = goldenJson('chat/scopes.json');
const hi: ChatMessage[] = [{ role: 'user', content: 'Hi' }];
const render = (source: string, messages: readonly ChatMessage[] = hi) =>
  new ChatTemplate(source).render(messages);

describe('what templates are made of', () => {
  it('gives the answers of jinja2 on 24 templates × 20 conversations, and fails where it fails', {
    tags: ['slow'],
  }, async () => {
    expect([cases.length, conversations.length]).toEqual([24, 20]);
    for (const { template: source, texts } of cases) {
      const template = new ChatTemplate(source, { bos: '<s>', eos: '</s>' });
      for (const [i, messages] of conversations.entries()) {
        const options = { addGenerationPrompt: i % 2 === 0, ...(i % 3 === 0 && { tools }) };
        const rendered = template.render(messages, options);
        if (texts[i] === null) await expect(rendered, source).rejects.toThrow();
        else expect(await rendered, `${source} with ${i}`).toBe(texts[i]);
      }
    }
  });

  it('gives the answers of jinja2 on 400 random templates of scopes and names', { tags: ['slow'] }, () => {
    expect(scopes.cases.length).toBe(400);
    for (const { template, text } of scopes.cases) {
      const render = () => compile(template)(scopes.given, new Budget(100, 'template'));
      if (text === null) expect(render, template).toThrow();
      else expect(render(), template).toBe(text);
    }
  });

  it.each([
    // White space that Python's strip does not take, and takes.
    ["{{ '\\ufeffa' | trim }}", '\ufeffa'],
    ["{{ '\\x1f\\x85 a \\x1c'.strip() }}|", 'a|'],
    // Digits as Python writes them.
    [
      '{{ 1e16 }} {{ 1e15 }} {{ 0.00001 }} {{ 1e-4 }} {{ 0.1 + 0.2 }}',
      '1e+16 1000000000000000.0 1e-05 0.0001 0.30000000000000004',
    ],
    ['{{ 0.5 | round }} {{ 1.5 | round }} {{ 2.675 | round(2) }} {{ -0.5 | round }}', '0.0 2.0 2.67 -0.0'],
    ["{{ '%.0f %.0f %.1f' % (0.5, 1.5, 0.25) }}", '0 2 0.2'],
    ["{{ 'ß'.capitalize() }} {{ 'x y-z' | title }} {{ \"it's\".title() }}", "Ss X Y-Z It'S"],
    ["{{ ['a', 'b'] | join(none) }}", 'aNoneb'],
    ['{{ loop is defined }}{% for i in [1] %}{{ loop is defined }}{% endfor %}', 'FalseTrue'],
    ['{%- for n in [[1, [2]], [3]] recursive %}{{ n if n is number else loop(n) }}{% endfor %}', '123'],
    // What a scope sets before it reads it is undefined until then for the scopes inside, as the text decides it.
    ['{% for i in [1] %}{{ messages is defined }}{% endfor %}{% set messages = 1 %}{{ messages }}', 'False1'],
    ['{% if 1 %}{% for i in [1] %}{{ tools is defined }}{% endfor %}{% set tools = 1 %}{% endif %}', 'True'],
    [
      '{% macro m() %}{% filter lower %}{{ tools is defined }}{% endfilter %}{% set tools = 1 %}{% endmacro %}{{ m() }}',
      'false',
    ],
    ['{{ tools }}{% for i in [1] %}{{ tools is defined }}{% endfor %}{% set tools = 1 %}', 'NoneTrue'],
    // In transformers an answer's block is a call of a block.
    ['{% set x = 1 %}{% generation %}{{ x }}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}', '121'],
    ["{{ '\\u00e4\\x41\\101\\q' }}", 'äAA\\q'],
  ])('answers %s as Python does', async (source, text) => {
    expect(await render(source)).toBe(text);
  });

  it.each([
    ["{{ 'a' | urlencode }}", /the filter urlencode, which is not supported/],
    ["{{ 'a' | escape }}", /the filter escape, which is not supported/],
    ["{{ 'a'.encode() }}", /the method encode of a str, which is not supported/],
    ["{% include 'x' %}", /the statement include, which is not supported/],
    ['{{ lipsum() }}', /the function lipsum, which is not supported/],
    ["{{ messages | map('upper') }}", /generator written as text; put `\| list` behind it/],
    ['{{ 2 ** 64 }}', /whole numbers up to 2\^53/],
    ['{% for i in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}', /break inside a loop/],
    ['{% set x.y = 1 %}', /a namespace to set y in/],
    ['{{ messages.append(1) }}', /'append' is undefined/],
    ['{{ none | length }}', /object of type 'None' has no len/],
    ['{{ [1] < [none] }}', /an order of 'int' and 'None'/],
    ["line one\n{{ 'a' ? }}", /line 2: expected a word or sign, not "\?"/],
  ])('refuses %s by name', async (source, message) => {
    await expect(render(source)).rejects.toThrow(FormatError);
    await expect(render(source)).rejects.toThrow(message);
  });

  it('is linear in long templates and long texts', { tags: ['slow'] }, async () => {
    const long = 'x'.repeat(1_000_000);
    const source = "{{ messages[0].content.strip('x') }}{{ messages[0].content.split('y') | length }}";
    expect(await render(source, [{ role: 'user', content: long }])).toBe('1');
    expect(await render(`${'{{ 1 }}'.repeat(9000)}`)).toBe('1'.repeat(9000));
  });
});
