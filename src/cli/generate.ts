// `smollm2 generate`: one prompt, one answer, streamed; or one JSON object.

import type { CAC } from 'cac';
import type { GenerationResult } from '../generate/generate.ts';
import type { SmolLM2 } from '../runtime/smollm2.ts';
import { type Arguments, onRun } from './arguments.ts';
import { engineOptions, openModel } from './model-options.ts';
import { generateOptions, samplingOptions } from './sampling-options.ts';
import { interruptSignal, print, readStdin, Status } from './terminal.ts';

export function generateCommand(cli: CAC): void {
  const command = cli
    .command('generate [...prompt]', 'Answer a prompt (from stdin when there is none)')
    .option('--system <text>', 'system message in front of the prompt')
    .option('--raw', 'continue the prompt as it is, without chat template')
    .option('--json', 'print one JSON object: text, ids, finishReason, usage, timings')
    .option('--logprobs <n>', 'with --json: log-probabilities of each token and the n likeliest')
    .example('  $ smollm2 generate "What is gravity?"')
    .example('  $ smollm2 generate --raw "Once upon a time" --temperature 0.8 --seed 1')
    .example('  $ cat question.txt | smollm2 generate --model 360m --json');
  onRun(samplingOptions(engineOptions(command)), run);
}

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  const signal = interruptSignal();
  const isJson = args.flag('json');
  const logprobs = args.count('logprobs', 0);
  if (logprobs !== undefined && !isJson)
    throw new RangeError('--logprobs: expected with --json, got it without');
  const options = { ...generateOptions(args), signal, logprobs };
  const prompt = await promptText(args);
  const { smol, loadMs } = await openModel(args, status, signal);
  try {
    const promptIds = await encodePrompt(smol, prompt, args, status);
    const answer = smol.generate(promptIds, {
      ...options,
      onPromptProgress: (done, total) =>
        process.stderr.isTTY && done < total && status.progress('reading', done, total, 'tokens'),
    });
    const tokens: object[] = [];
    let step = await answer.next();
    for (; !step.done; step = await answer.next()) {
      const { id, text, logprob, topLogprobs } = step.value;
      status.clear();
      if (!isJson) await print(text);
      else if (logprobs !== undefined) tokens.push({ id, logprob, top: topLogprobs });
    }
    const result = step.value;
    if (isJson)
      await print(`${jsonResult(smol, result, loadMs, logprobs === undefined ? undefined : tokens)}\n`);
    else await print('\n');
    status.note(speedLine(smol, result, loadMs));
    if (result.finishReason === 'abort') process.exitCode = 130;
  } finally {
    await smol.close();
  }
}

/** The words of the command line, or stdin without its last line end. */
async function promptText(args: Arguments): Promise<string> {
  if (args.words.length > 0 && !(args.words.length === 1 && args.words[0] === '-'))
    return args.words.join(' ');
  const text = await readStdin();
  if (text === undefined) {
    throw new RangeError('prompt: expected a text as argument or through stdin, got nothing; see --help');
  }
  return text.replace(/\r?\n$/, '');
}

async function encodePrompt(
  smol: SmolLM2,
  prompt: string,
  args: Arguments,
  status: Status,
): Promise<number[]> {
  const system = args.text('system');
  if (args.flag('raw')) {
    if (system !== undefined) throw new RangeError('--system: expected without --raw, got both');
    return smol.tokenizer.encode(prompt);
  }
  if (!smol.template) {
    if (system !== undefined)
      throw new RangeError('--system: expected a model with a chat template, got one without');
    status.note('this model has no chat template: the prompt is continued as it is (--raw)');
    return smol.tokenizer.encode(prompt);
  }
  const messages = [{ role: 'user', content: prompt }];
  if (system !== undefined) messages.unshift({ role: 'system', content: system });
  const rendered = await smol.template.render(messages, { addGenerationPrompt: true });
  return smol.tokenizer.encode(rendered, { addBos: false }); // the template writes what is to stand there
}

function jsonResult(smol: SmolLM2, result: GenerationResult, loadMs: number, tokens?: object[]): string {
  const { text, ids, finishReason, stoppedBy, usage, timings, seed } = result;
  return JSON.stringify({
    text,
    ids,
    finishReason,
    stoppedBy,
    usage,
    timings: { loadMs, ...timings },
    seed,
    engine: smol.model.engineName,
    logprobs: tokens,
  });
}

/** The last line on stderr: tokens per second of answer and prompt. */
export function speedLine(smol: SmolLM2, result: GenerationResult, loadMs: number): string {
  const { usage, timings } = result;
  const newPromptTokens = usage.promptTokens - usage.cachedTokens;
  return (
    `${rate(usage.completionTokens, timings.generateMs)} (${usage.completionTokens} tokens in ` +
    `${seconds(timings.generateMs)}); prompt ${rate(newPromptTokens, timings.promptMs)} (${newPromptTokens} tokens ` +
    `in ${seconds(timings.promptMs)}); loaded in ${seconds(loadMs)}; ${smol.model.engineName} engine`
  );
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const rate = (count: number, ms: number) => `${ms > 0 ? ((count / ms) * 1000).toFixed(1) : '-'} tokens/s`;
