import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UnavailableError } from '../../src/base/errors.ts';
import { readMixRecipe } from '../../src/data/mixture/mix-recipe.ts';
import { conflict } from '../../src/data/synthesize/conflicts.ts';
import { constraintsRow, faultOfConstraints, followsAll } from '../../src/data/synthesize/constraints.ts';
import { CATEGORIES, categoryOf, hasLitter, magpieRow } from '../../src/data/synthesize/magpie.ts';
import { repeatedRows } from '../../src/data/synthesize/near-duplicates.ts';
import { rewriteRow, withoutNewsFrame } from '../../src/data/synthesize/rewrite.ts';
import type { Message, Turn, Writer } from '../../src/data/synthesize/writer.ts';
import { INSTRUCTION_KINDS } from '../../src/eval/instructions.ts';
import { endpointVectors, endpointWriter } from '../../src/node/curate/endpoint-writer.ts';
import { type ConversationRow, writeConversations } from '../../src/node/curate/messages-output.ts';
import { openRowLog } from '../../src/node/curate/row-log.ts';
import { synthesize } from '../../src/node/curate/synthesize.ts';

/** Says what it is told to say, and remembers what it was asked. */
function scripted(turns: readonly (string | Turn)[], jsons: readonly unknown[] = []) {
  const asked: { messages: readonly Message[]; role: string; seed: number; penalty?: number }[] = [];
  const schemas: object[] = [];
  let next = 0;
  let nextJson = 0;
  const writer: Writer = {
    name: 'scripted',
    templateTexts: ['<|im_start|>', '<|im_end|>'],
    turn: async (messages, role, { seed, frequencyPenalty: penalty }) => {
      asked.push({ messages, role, seed, penalty });
      const turn = turns[next++];
      return typeof turn === 'string' ? { text: turn, isEnded: true } : turn;
    },
    json: async (_, schema) => {
      schemas.push(schema);
      return jsons[nextJson++];
    },
  };
  return { writer, asked, schemas };
}

describe('magpieRow', () => {
  it('opens a user turn, answers it, three times, and leaves the system message out of the row', async () => {
    const { writer, asked } = scripted(['q1 ', 'a1', 'q2', 'a2', 'q3', 'a3']);
    const row = await magpieRow(writer, 0, 0);
    expect(row.rejected).toBeUndefined();
    expect(row.messages.map(({ role, content }) => `${role} ${content}`)).toEqual([
      'user q1',
      'assistant a1',
      'user q2',
      'assistant a2',
      'user q3',
      'assistant a3',
    ]);
    expect(asked.map(({ role }) => role).join()).toBe('user,assistant,user,assistant,user,assistant');
    expect(asked.map(({ messages }) => messages.length)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(asked[0].messages[0].role).toBe('system');
    expect(new Set(asked.map(({ seed }) => seed)).size).toBe(6);
    expect(asked.map(({ penalty }) => penalty)).toEqual([0.3, 0, 0.3, 0, 0.3, 0]);
  });

  it.each([
    ['user_not_ended', [{ text: 'and then', isEnded: false }]],
    ['assistant_not_ended', ['q', { text: 'and then', isEnded: false }]],
    ['empty_turn', ['  \n']],
    ['template_litter', ['q', 'Sure.<|im_start|>user']],
    ['template_litter', ['q', 'Sure.\nuser\nAnd now?']],
  ])('rejects a row for %s', async (rejected, turns) => {
    expect(await magpieRow(scripted(turns).writer, 0, 0)).toMatchObject({ rejected });
  });

  it('asks for three labels, free text first; one that is not in form is left out', async () => {
    const { writer, schemas } = scripted(
      ['q', 'a'],
      [{ intent: 'x', knowledge: 'y', difficulty: 'easy' }, undefined, { explanation: 'z', tag: 'Cooking' }],
    );
    const row = await magpieRow(writer, 0, 0, { turns: 1, withLabels: true });
    expect(row).toMatchObject({ labels: { category: categoryOf(0, 0).name, difficulty: 'easy' } });
    expect(row).not.toHaveProperty('labels.quality');
    expect(row).not.toHaveProperty('labels.tag');
    const [first] = schemas as { properties: object; required: string[] }[];
    expect(Object.keys(first.properties)).toEqual(['intent', 'knowledge', 'difficulty']);
  });

  it('draws categories by SmolTalk weights', () => {
    expect(CATEGORIES.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    const rows = 4000;
    const counts = new Map<string, number>();
    for (let row = 0; row < rows; row++) {
      const { name } = categoryOf(3, row);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const { name, weight } of CATEGORIES) {
      // Four standard deviations of a count.
      const spread = Math.sqrt((weight * (1 - weight)) / rows);
      expect(Math.abs((counts.get(name) ?? 0) / rows - weight)).toBeLessThan(4 * spread);
    }
  });

  it('leaves words of dialogue alone', () => {
    expect(hasLitter('The user asked the assistant about a system.', ['<|im_end|>'])).toBe(false);
    expect(hasLitter('Assistant: yes', [])).toBe(true);
  });
});

describe('constraints', () => {
  it('knows which exclude each other, both ways, each with itself', () => {
    expect(INSTRUCTION_KINDS.every((kind) => conflict(kind, kind))).toBe(true);
    expect(conflict('change_case:english_capital', 'change_case:english_lowercase')).toBe(true);
    expect(conflict('detectable_format:title', 'startend:quotation')).toBe(true);
    expect(conflict('keywords:existence', 'detectable_format:json_format')).toBe(false);
    expect(conflict('punctuation:no_comma', 'length_constraints:number_words')).toBe(false);
    const pairs = INSTRUCTION_KINDS.flatMap((a) => INSTRUCTION_KINDS.map((b) => [a, b]));
    expect(pairs.filter(([a, b]) => conflict(a, b) !== conflict(b, a))).toEqual([]);
  });

  it('refuses what lacks arguments', () => {
    expect(faultOfConstraints([])).toBe('no_constraints');
    expect(faultOfConstraints([{ kind: 'keywords:existence', args: {} }])).toBe('bad_arguments');
    expect(faultOfConstraints([{ kind: 'punctuation:no_comma', args: {} }])).toBeUndefined();
  });

  const ids = { instruction_id_list: ['punctuation:no_comma', 'length_constraints:number_words'] };
  const args = { num_words: 5, relation: 'less than' };

  it('keeps a row whose answer follows every one of them, strictly', async () => {
    const row = await constraintsRow(
      scripted(['Describe rain without commas in under 5 words.', 'Rain falls softly.'], [ids, args]).writer,
      0,
      0,
    );
    expect(row.rejected).toBeUndefined();
    expect(row.messages).toHaveLength(2);
    expect(followsAll('Rain, it falls.', [{ kind: 'punctuation:no_comma', args: {} }])).toBe(false);
  });

  it.each([
    ['not_followed', ['Ask.', 'One two three four five six.'], [ids, args]],
    ['bad_ids', ['Ask.'], [undefined]],
    ['bad_arguments', ['Ask.'], [ids, undefined]],
    [
      'conflict',
      ['Ask.'],
      [{ instruction_id_list: ['change_case:english_capital', 'change_case:english_lowercase'] }],
    ],
    ['request: empty_turn', [' '], []],
  ])('rejects for %s', async (rejected, turns, jsons) => {
    expect(await constraintsRow(scripted(turns, jsons).writer, 0, 0)).toMatchObject({ rejected });
  });
});

describe('rewriteRow', () => {
  it('keeps system, text and answer; refuses what is unchanged or no shorter', async () => {
    const text = 'A rather long story of a ship. -- It sails.';
    const row = await rewriteRow(scripted(['It sails.']).writer, 'summarize', text, 0, 0);
    expect(row.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant']);
    expect(row.messages[1].content).toBe('It sails.');
    expect(row.rejected).toBe('unchanged');
    const longer = await rewriteRow(scripted(['It sails away today.']).writer, 'summarize', text, 0, 0);
    expect(longer.rejected).toBe('not_shorter');
    expect((await rewriteRow(scripted([]).writer, 'rewrite', '  ', 0, 0)).rejected).toBe('empty_text');
  });

  it('cuts the frame of a news story', () => {
    expect(withoutNewsFrame('PARIS (CNN) -- A boat sank. E-mail to a friend . More')).toBe('A boat sank.');
    expect(withoutNewsFrame('A boat sank.')).toBe('A boat sank.');
  });
});

describe('repeatedRows', () => {
  it('finds what lies next to an earlier row that stays, once the common direction is taken out', () => {
    // All alike but for the last two places, as embeddings are.
    const near = (x: number, y: number) => [10, 10, x, y];
    const rows = [near(1, 0), near(0, 1), near(1, 0.01), near(-1, -1), near(1, 0)];
    expect(repeatedRows(rows, 0.95)).toEqual([undefined, undefined, 0, undefined, 0]);
    expect(repeatedRows([], 0.9)).toEqual([]);
  });
});

describe('synthesize', () => {
  it('keeps the order of rows whoever is done first, and every row is kept or counted', async () => {
    const write = async (row: number) => {
      await new Promise((resolve) => setTimeout(resolve, (5 - row) * 3));
      const messages: Message[] = [{ role: 'user', content: `q${row}` }];
      return row === 3 ? { rejected: 'empty_turn', messages } : { messages, labels: {} };
    };
    const repeats = async (questions: readonly string[]) =>
      questions.map((question) => (question === 'q4' ? 0 : undefined));
    const { kept, fallen, report } = await synthesize(write, { source: 's', rows: 5, together: 5, repeats });
    expect(kept.map(({ messages }) => messages[0].content)).toEqual(['q0', 'q1', 'q2']);
    expect(fallen).toHaveLength(2);
    expect(report).toEqual({ rows: 5, kept: 3, rejected: { empty_turn: 1, near_duplicate: 1 } });
  });

  it('writes messages as a list of role and content that reads back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smollm2-messages-'));
    const path = join(folder, 'rows.parquet');
    const messages: Message[] = [
      { role: 'user', content: 'Où?' },
      { role: 'assistant', content: '' },
    ];
    const rows: ConversationRow[] = [
      { messages, source: 'a', labels: { tag: 'Math' } },
      { messages: messages.slice(0, 1), source: 'b', labels: {} },
    ];
    await writeConversations(path, rows);
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(path) });
    expect(read).toEqual([
      { messages, source: 'a', tag: 'Math' },
      { messages: messages.slice(0, 1), source: 'b', tag: null },
    ]);
    rmSync(folder, { recursive: true });
  });
});

describe('endpointWriter', () => {
  const options = { temperature: 0, topP: 1, maxTokens: 5, seed: 1, frequencyPenalty: 0.3 };

  it('writes a user turn where the endpoint reads special tokens', async () => {
    const bodies: Record<string, unknown>[] = [];
    const writer = endpointWriter(async (path, body) => {
      bodies.push({ path, ...body });
      return { choices: [{ text: 'Why?', finish_reason: 'stop' }], usage: { prompt_tokens: 2 } };
    }, 'm');
    const turn = await writer.turn([{ role: 'system', content: 'S' }], 'user', options);
    expect(turn).toEqual({ text: 'Why?', isEnded: true });
    expect(bodies[1]).toMatchObject({
      path: '/completions',
      prompt: '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n',
      stop: ['<|im_end|>'],
      frequency_penalty: 0.3,
    });
  });

  it.each([
    [
      'has chat only',
      async () => Promise.reject(new UnavailableError('http://x/completions: status 404, no')),
    ],
    ['reads letters', async () => ({ choices: [{ text: 'x' }], usage: { prompt_tokens: 14 } })],
    ['does not count', async () => ({ choices: [{ text: 'x' }] })],
  ])('says that an endpoint that %s cannot do MagPie', async (_, post) => {
    const writer = endpointWriter(post, 'm');
    await expect(writer.turn([], 'user', options)).rejects.toThrow(/MagPie needs the raw template/);
  });

  it('passes on that a server is not there, which is no verdict on what it can do', async () => {
    const writer = endpointWriter(async () => Promise.reject(new UnavailableError('http://x: refused')), 'm');
    await expect(writer.turn([], 'user', options)).rejects.toThrow(/refused/);
  });

  it('answers JSON in form or not at all', async () => {
    const saying = (content: string) =>
      endpointWriter(async () => ({ choices: [{ message: { content }, finish_reason: 'stop' }] }), 'm');
    expect(await saying('{"a":1}').json([], {}, options)).toEqual({ a: 1 });
    expect(await saying('{"a":').json([], {}, options)).toBeUndefined();
  });
});

describe('endpointVectors', () => {
  const answer = (input: string[]) => ({
    data: input.map((text, index) => ({ index, embedding: [text.length, index] })).reverse(),
  });

  it('asks for many texts in several requests and keeps their order', async () => {
    const sizes: number[] = [];
    const post = async (path: string, body: Readonly<Record<string, unknown>>) => {
      sizes.push((body.input as string[]).length);
      expect(path).toBe('/embeddings');
      return answer(body.input as string[]);
    };
    const texts = Array.from({ length: 100 }, (_, i) => 'x'.repeat(i));
    const vectors = await endpointVectors(post, 'm', texts);
    expect(sizes).toEqual([64, 36]);
    expect(vectors?.map(([length]) => length)).toEqual(texts.map(({ length }) => length));
  });

  it('is undefined where there are none; a wrong answer or no server is an error', async () => {
    const refusing = async () => Promise.reject(new UnavailableError('http://x/embeddings: status 404, no'));
    expect(await endpointVectors(refusing, 'm', ['a'])).toBeUndefined();
    const missing = async () => answer(['one']);
    await expect(endpointVectors(missing, 'm', ['a', 'b'])).rejects.toThrow('one embedding for each text');
    const gone = async () => Promise.reject(new UnavailableError('http://x: refused'));
    await expect(endpointVectors(gone, 'm', ['a'])).rejects.toThrow('refused');
  });
});

describe('recipes/mix', () => {
  it.each([
    ['smoltalk', 1_098_610],
    ['smol-smoltalk', 460_341],
  ])('%s asks for the rows of its table', (name, rows) => {
    const path = `recipes/mix/${name}.yaml`;
    const { sources } = readMixRecipe(parse(readFileSync(path, 'utf8')), path);
    expect(sources.reduce((sum, { amount }) => sum + (amount ?? 0), 0)).toBe(rows);
  });
});

describe('an interrupted run', () => {
  const settings = { kind: 'magpie', seed: '1' };
  const rowOf = (row: number) => ({ messages: [{ role: 'user' as const, content: `q${row}` }], labels: {} });

  it('is gone on with: rows that were whole are not written again, and the result is the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smollm2-rows-'));
    const path = join(folder, 'out.jsonl.rows');
    const options = { source: 's', rows: 9, together: 2 };
    const expected = await synthesize(async (row) => rowOf(row), options);

    const first = await openRowLog(path, settings);
    const stops = synthesize(
      async (row) => {
        if (row === 5) throw new Error('the program was stopped');
        return rowOf(row);
      },
      { ...options, log: first },
    );
    await expect(stops).rejects.toThrow('stopped');
    await first.close();
    appendFileSync(path, '[7,{"messages":['); // a line that was not finished

    const second = await openRowLog(path, settings);
    const asked: number[] = [];
    const again = await synthesize(
      async (row) => {
        asked.push(row);
        return rowOf(row);
      },
      { ...options, log: second },
    );
    expect(again).toEqual(expected);
    expect(second.known.size).toBeGreaterThan(3);
    expect(asked.some((row) => second.known.has(row))).toBe(false);
    await second.close();
    await expect(openRowLog(path, { ...settings, seed: '2' })).rejects.toThrow(RangeError);
    await second.remove();
    expect(existsSync(path)).toBe(false);
    rmSync(folder, { recursive: true });
  });
});
