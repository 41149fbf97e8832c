import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Command } from '../../src/cli/arguments.ts';
import { SafetensorsFile } from '../../src/format/safetensors.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { expectClose } from '../support/close.ts';
import { goldenJson, goldenPath } from '../support/goldens.ts';
import { MAIN, runCli, startCli } from '../support/run-cli.ts';
import { makeTinyFolder, tinyText } from '../support/tiny-folder.ts';

let model: string;
let folder: string;
beforeAll(() => {
  model = makeTinyFolder();
  folder = mkdtempSync(join(tmpdir(), 'smollm2-cli-'));
});
afterAll(() => {
  rmSync(model, { recursive: true });
  rmSync(folder, { recursive: true });
});

const COMMANDS = ['generate', 'chat', 'tokenize', 'inspect', 'trace'];
/** The prompt of the golden generation, and HF's 24 greedy ids after it. */
const golden = goldenJson('tiny/gqa/goldens.json');
const promptIds: number[] = golden.sequences[golden.generation.prompt_sequence];
const greedyIds: number[] = golden.generation.ids;
const generate = (args: string[], input = '') =>
  runCli(['generate', '--model', model, '--engine', 'reference', ...args], input);

describe('smollm2', () => {
  it.each(COMMANDS)('%s --help lists its options and ends with 0', async (command) => {
    const { code, stdout, stderr } = await runCli([command, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`smollm2 ${command}`);
    expect(stdout).not.toContain('default: true');
  });

  it('lists its commands when called alone, and its version', { tags: ['slow'] }, async () => {
    const { code, stdout } = await runCli([]);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} .*\\S`, 'm'));
    expect((await runCli(['--version'])).stdout).toMatch(/^smollm2\/\d+\.\d+\.\d+/);
  });

  it.each<[string[], RegExp]>([
    [['nope'], /^smollm2: nope: expected a command, one of generate, /],
    [['genrate'], /^smollm2: genrate: expected a command, did you mean generate\? /],
    [['generate', '--nope'], /--nope: expected an option of smollm2 generate, got none of that name; see/],
    [['generate', '--max-token', '3'], /--max-token: expected an option of .*did you mean --max-tokens\?/],
    [['generate', '--ignoreEos'], /--ignoreEos: expected an option of .*did you mean --ignore-eos\?/],
    [['generate', 'x', '--max-tokens'], /--max-tokens.*missing/],
    [['generate', 'x', '--max-tokens', '0'], /--max-tokens: expected a whole number of at least 1, got 0/],
    [['generate', 'x', '--temperature', 'warm'], /--temperature: expected a number, got "warm"/],
    [['generate', 'x', '--engine', 'gpu'], /--engine: expected reference or wasm, got "gpu"/],
    [['generate', 'x', '--logit-bias', '5'], /--logit-bias: expected ID=NUMBER, got "5"/],
    [['generate', 'x', '--logprobs', '3'], /--logprobs: expected with --json/],
    [['tokenize', '--decode', '--chat', 'x'], /--decode: expected without --chat/],
    [['tokenize', '--merges', '--json', 'x'], /--merges: expected without --json, got both/],
    [['inspect'], /<file>: expected one, got none; see smollm2 inspect --help/],
    [['trace', '--ids', '1'], /--out: expected a file to write/],
    [['chat', 'hello'], /hello: expected nothing here; see smollm2 chat --help/],
  ])('%j is a wrong command line: 2, and one line on stderr', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it.each<[string[], RegExp]>([
    [['generate', 'x', '--model', './missing.gguf'], /missing.gguf: expected a file or folder/],
    [['inspect', MAIN], /main.js/],
  ])('%j cannot be done: 1, and one line on stderr', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('says the same for help COMMAND and COMMAND --help', async () => {
    expect(await runCli(['help', 'trace'])).toEqual(await runCli(['trace', '--help']));
  });

  it('says --top-p of what the library calls topP', async () => {
    const { stderr } = await generate(['--raw', 'x', '--top-p', '2']);
    expect(stderr).toBe('smollm2: --top-p: expected a number above 0 and up to 1, got 2\n');
  });

  it('shows where an error comes from under --debug only', async () => {
    expect((await runCli(['nope', '--debug'])).stderr).toMatch(/\n {4}at /);
  });
});

describe('smollm2 generate', () => {
  it('gives the 24 greedy ids of HF, and text, usage and timings, as one JSON object', async () => {
    const args = ['--raw', tinyText(promptIds), '-n', '24', '--ignore-eos', '--json'];
    const { code, stdout } = await generate(args);
    const answer = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(answer).toMatchObject({ ids: greedyIds, text: tinyText(greedyIds), finishReason: 'length' });
    expect(answer.usage).toMatchObject({
      promptTokens: promptIds.length,
      completionTokens: 24,
      totalTokens: promptIds.length + 24,
    });
    for (const name of ['loadMs', 'promptMs', 'generateMs']) expect(answer.timings[name]).toBeGreaterThan(0);
  });

  it('gives the same ids through the WASM engine', { tags: ['slow'] }, async () => {
    const args = ['--raw', tinyText(promptIds), '-n', '24', '--ignore-eos', '--json', '--threads', '1'];
    const { stdout } = await runCli(['generate', '--model', model, ...args]);
    expect(JSON.parse(stdout)).toMatchObject({ ids: greedyIds, engine: 'wasm' });
  });

  it('streams the text to stdout and the speed to stderr', async () => {
    const { stdout, stderr } = await generate(['--raw', tinyText(promptIds), '-n', '5', '--ignore-eos']);
    expect(stdout).toBe(`${tinyText(greedyIds.slice(0, 5))}\n`);
    expect(stderr).toMatch(
      /^cut after 5 tokens; raise --max-tokens for more\n[\d.]+ tokens\/s \(5 tokens in .*prompt [\d.]+ tokens\/s \(8 tokens.*reference engine\n$/,
    );
  });

  it('reads the prompt from stdin, without its last line end', async () => {
    const fromArgument = await generate(['--raw', 'abc', '--json', '-n', '3']);
    const fromStdin = await generate(['--raw', '--json', '-n', '3'], 'abc\n');
    expect(JSON.parse(fromStdin.stdout).ids).toEqual(JSON.parse(fromArgument.stdout).ids);
    expect(JSON.parse(fromStdin.stdout).usage.promptTokens).toBe(3);
  });

  it('takes words that look like numbers, flags before the prompt, and text behind --', async () => {
    const promptTokens = async (args: string[]) =>
      JSON.parse((await generate([...args, '-n', '1'])).stdout).usage.promptTokens;
    expect(await promptTokens(['--json', '--raw', '1.0'])).toBe(3);
    expect(await promptTokens(['--raw', '--json', '007'])).toBe(3);
    expect(await generate(['--raw', '-n', '1', '--json', '--', '-5 + --x'])).toMatchObject({ code: 0 });
  });

  it('puts the system message in front through the chat template', async () => {
    const plain = JSON.parse((await generate(['hi', '-n', '1', '--json'])).stdout);
    const withSystem = JSON.parse((await generate(['hi', '--system', '', '-n', '1', '--json'])).stdout);
    // <|im_start|>user\nhi<|im_end|><|im_start|>a has 11 ids; <|im_start|>system\n<|im_end|> has 9.
    expect(plain.usage.promptTokens).toBe(11);
    expect(withSystem.usage.promptTokens).toBe(11 + 9);
  });

  it('repeats a drawn answer for one seed and names a random one', async () => {
    const args = ['--raw', 'abc', '-n', '20', '--ignore-eos', '--temperature', '1.5', '--json'];
    const first = JSON.parse((await generate(args)).stdout);
    const again = JSON.parse((await generate([...args, '--seed', String(first.seed)])).stdout);
    expect(again.ids).toEqual(first.ids);
    const other = JSON.parse((await generate([...args, '--seed', '77'])).stdout);
    expect(other.ids).not.toEqual(first.ids);
  });

  it('stops before a stop string and lists log-probabilities', async () => {
    const text = tinyText(greedyIds);
    const stop = text[19]; // the first id that differs from the one repeated before it
    const args = ['--raw', tinyText(promptIds), '-n', '24', '--ignore-eos', '--json', '--logprobs', '2'];
    const answer = JSON.parse((await generate([...args, '--stop', stop])).stdout);
    expect(answer).toMatchObject({ text: text.slice(0, 19), finishReason: 'stop', stoppedBy: stop });
    expect(answer.logprobs).toHaveLength(20);
    expect(answer.logprobs[0].top).toHaveLength(2);
    expect(answer.logprobs[0].top[0]).toEqual({
      id: greedyIds[0],
      logprob: answer.logprobs[0].logprob,
      text: tinyText([greedyIds[0]]),
    });
    expect(answer.logprobs[0].text).toBe(tinyText([greedyIds[0]]));
    // The golden margin between the two likeliest logits is the difference of their log-probabilities.
    const [best, second] = answer.logprobs[0].top;
    expect(best.logprob - second.logprob).toBeCloseTo(golden.generation.top1_minus_top2[0], 10);
  });

  it('refuses what does not fit the 128 positions, unless a policy says what to do', {
    tags: ['slow'],
  }, async () => {
    const tooLong = await generate(['--raw', 'a'.repeat(100), '-n', '60']);
    expect(tooLong).toMatchObject({ code: 1, stdout: '' });
    expect(tooLong.stderr).toMatch(/expected at most 128 positions, got 100 ids/);
    const args = ['--raw', 'a'.repeat(100), '-n', '60', '--ignore-eos', '--json', '--context-overflow'];
    expect(JSON.parse((await generate([...args, 'stop'])).stdout).ids).toHaveLength(29);
    expect(JSON.parse((await generate([...args, 'truncate-left'])).stdout).usage.promptTokens).toBe(69);
  });

  it('ends quietly when the reader goes away', { tags: ['slow'] }, async () => {
    const line = `"${process.execPath}" "${MAIN}" inspect --json "${model}" | head -c 10; echo " $?"`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line]);
    expect(stdout).toMatch(/^\{[\s\S]{9} 0\n$/);
    expect(stderr).toBe('');
  });
});

describe('smollm2 chat', () => {
  it('answers line by line, forgets at /reset, takes /system, and saves what was said', async () => {
    const saved = join(folder, 'chat.json');
    const lines = [
      'hi',
      '/reset',
      '/system be kind',
      'hello',
      `/save ${saved}`,
      '/what',
      '/exit',
      'never read',
    ];
    const args = ['chat', '--model', model, '--engine', 'reference', '-n', '4', '--ignore-eos'];
    const { code, stdout, stderr } = await runCli(args, `${lines.join('\n')}\n`);
    expect(code).toBe(0);
    const { messages } = JSON.parse(readFileSync(saved, 'utf8'));
    expect(messages.map((message: { role: string }) => message.role)).toEqual([
      'system',
      'user',
      'assistant',
    ]);
    expect(messages[0].content).toBe('be kind');
    expect(stdout.endsWith(`${messages[2].content}\n`)).toBe(true);
    expect(stderr).toMatch(/\/what: expected \/reset/);
    expect(stderr).not.toContain('never');
  });

  it('answers as generate does for the same conversation', async () => {
    const args = ['chat', '--model', model, '--engine', 'reference', '-n', '6'];
    const alone = await generate(['hello', '-n', '6']);
    expect((await runCli(args, 'hello\n')).stdout).toBe(alone.stdout);
  });

  it('says that a conversation has become too long and goes on', async () => {
    const args = ['chat', '--model', model, '--engine', 'reference', '-n', '2'];
    const { code, stderr, stdout } = await runCli(args, `${'a'.repeat(200)}\nhi\n`);
    expect(code).toBe(0);
    expect(stderr).toMatch(/expected at most 128 positions/);
    expect(stdout.length).toBeGreaterThan(1);
  });
});

it('an option is declared once', () => {
  const twice = () => new Command('x', 'x').option('--json', 'a').option('--json <file>', 'b');
  expect(twice).toThrow('option: expected --json once, got it twice');
});

describe('smollm2 tokenize', () => {
  const tokenize = (args: string[], input = '') => runCli(['tokenize', '--model', model, ...args], input);

  it('prints ids and tokens as JSON, and reads special tokens as text under --no-special', async () => {
    const { stdout } = await tokenize(['--json', 'a b<|im_end|>']);
    expect(JSON.parse(stdout)).toEqual({ ids: [69, 3, 70, 2], tokens: ['a', 'Ġ', 'b', '<|im_end|>'] });
    const plain = JSON.parse((await tokenize(['--json', '--no-special', '<|im_end|>'])).stdout);
    expect(plain.tokens.slice(0, 4)).toEqual(['<', 'i', 'm', '_']); // the vocabulary has no |
  });

  it('shows how each word of the built-in model is joined, with the ranks', async () => {
    const { stdout } = await runCli(['tokenize', '-m', 'nano', '--merges', 'the']);
    const [bytes, ...joined] = stdout.split('\n');
    expect(bytes).toBe('        t h e');
    expect(joined).toEqual(['     1  t he', '   410  the', '', '   669  the', '']);
    const special = await runCli(['tokenize', '-m', 'nano', '--merges', '--no-special', '<|im_end|>']);
    expect(special.stdout).toMatch(/^ {8}< \|\n {8}i m\n/);
    const long = await runCli(['tokenize', '-m', 'nano', '--merges', 'a'.repeat(1001)]);
    expect(long.stderr).toContain('text: expected at most 1000 characters with --merges, got 1001');
  });

  it('takes stdin as it is, line ends and all', async () => {
    expect(JSON.parse((await tokenize(['--json'], 'a\n')).stdout).ids).toEqual([69, 4]);
    expect(JSON.parse((await tokenize(['--json'], '')).stdout)).toEqual({ ids: [], tokens: [] });
  });

  it('decodes ids in any notation, with and without special tokens', async () => {
    expect((await tokenize(['--decode', '69,3', '70'])).stdout).toBe('a b\n');
    expect((await tokenize(['--decode'], '[69, 2]')).stdout).toBe('a<|im_end|>\n');
    expect((await tokenize(['--decode', '--no-special', '69 2'])).stdout).toBe('a\n');
    expect(JSON.parse((await tokenize(['--decode', '--json', '69'])).stdout)).toEqual({
      text: 'a',
      ids: [69],
    });
  });

  it('turns one JSON string per line into one object per line, separators of lines inside strings and all', async () => {
    const texts = ['a', '1.0', 'a\nb', 'a\u2028b', ''];
    const { stdout } = await tokenize(['--jsonl'], texts.map((text) => JSON.stringify(text)).join('\n'));
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map((result) => result.text)).toEqual(texts);
    expect(results[2].ids).toEqual([69, 4, 70]);
  });

  it('renders conversations, one per line', async () => {
    const conversation = { messages: [{ role: 'user', content: 'hi' }], add_generation_prompt: true };
    const lines = [conversation, { ...conversation, add_generation_prompt: false }];
    const { stdout } = await tokenize(
      ['--jsonl', '--chat'],
      lines.map((line) => JSON.stringify(line)).join('\n'),
    );
    const [first, second] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first.text).toBe('<|im_start|>user\nhi<|im_end|><|im_start|>a');
    expect(second.text).toBe('<|im_start|>user\nhi<|im_end|>');
    expect(first.ids).toEqual([1, 89, 87, 73, 86, 4, 76, 77, 2, 1, 69]);
  });

  it('ends at Ctrl-C while it waits for more input', { tags: ['slow'] }, async () => {
    const child = startCli(['tokenize', '--model', model, '--jsonl']);
    child.stdin.write('"a"\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const exit = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
    child.kill('SIGINT');
    expect(await exit).toBe('SIGINT');
  });

  it.each([
    ['"ok"\n7', /^smollm2: line 2: text: expected a JSON string, got 7/],
    ['{', /^smollm2: line 1: /],
  ])('names the line that is wrong in %j', async (input, message) => {
    const { code, stderr } = await tokenize(['--jsonl'], input);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});

describe('smollm2 inspect', () => {
  it('counts the 23,200 parameters of a folder and lists its tensors', async () => {
    const report = JSON.parse((await runCli(['inspect', model, '--json'])).stdout);
    expect(report).toMatchObject({ parameters: 23_200, types: { F32: { tensors: 20 } } });
    expect(report.tensors).toHaveLength(20);
    expect(report.config).toMatchObject({ numLayers: 2, hiddenSize: 32, vocabSize: 96 });
    expect((await runCli(['inspect', model])).stdout).toContain('23,200 parameters in 20 tensors');
  });
});

describe('smollm2 trace', () => {
  const trace = async (args: string[]) => {
    const out = join(folder, 'trace.safetensors');
    const result = await runCli(['trace', '--model', model, '--engine', 'reference', '--out', out, ...args]);
    expect(result).toMatchObject({ code: 0, stdout: '' });
    return SafetensorsFile.open(await fileSource(out));
  };

  it('writes every activation of sequence 2 under its HF name and shape, within 1e-10 of float64', async () => {
    const written = await trace(['--ids', promptIds.join()]);
    const expected = await SafetensorsFile.open(
      await fileSource(goldenPath('tiny/gqa/activations.f64.safetensors')),
    );
    for (const [name, { shape }] of expected.tensors) {
      expect(written.tensors.get(name), name).toMatchObject({ shape, dtype: 'F64' });
      expectClose(await written.readTensorAsF64(name), await expected.readTensorAsF64(name), 1e-10, name);
    }
    expect(written.tensors.get('input_ids')).toMatchObject({ shape: [1, 8], dtype: 'I64' });
    expect(Array.from(await written.readTensorAsF64('input_ids'))).toEqual(promptIds);
    expect(written.metadata).toMatchObject({ engine: 'reference', ids: JSON.stringify(promptIds) });
    const weights = readFileSync(join(model, 'model.safetensors'));
    expect(written.metadata.model_sha256).toBe(createHash('sha256').update(weights).digest('hex'));
    await written.close();
    await expected.close();
  });

  it('writes the points of a glob only, and from a text', async () => {
    const written = await trace(['--text', 'abc', '--points', '*.1.mlp.*', '--points', 'lm_head']);
    expect([...written.tensors.keys()].sort()).toEqual([
      'input_ids',
      'lm_head',
      'model.layers.1.mlp.act',
      'model.layers.1.mlp.down_proj',
      'model.layers.1.mlp.gate_proj',
      'model.layers.1.mlp.up_proj',
    ]);
    expect(written.tensors.get('lm_head')?.shape).toEqual([1, 3, 96]);
    await written.close();
  });

  it('leaves no file behind when an id is outside the vocabulary', async () => {
    const out = join(folder, 'none.safetensors');
    const { code, stderr } = await runCli(['trace', '--model', model, '--ids', '1,96', '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ids\[1\]/);
    expect(() => readFileSync(out)).toThrow();
  });
});
