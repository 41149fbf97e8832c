// `smollm2 generate`: one prompt, one answer, streamed; or one JSON object.

import { DEFAULT_MAX_TOKENS } from '../generate/answer.ts';
import { type Certainty, certify } from '../generate/certify.ts';
import type { GeneratedToken, GenerateOptions, GenerationResult } from '../generate/generate.ts';
import type { StructureOptions } from '../generate/structured.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { engineOptions, loadOptions, openModelOrNano } from './model-options.ts';
import { writeRecord } from './recording.ts';
import { generateOptions, samplingOptions } from './sampling-options.ts';
import { structureOptions } from './structure-options.ts';
import { harmless, interruptSignal, print, readStdin, Status } from './terminal.ts';

export const generateCommand = samplingOptions(
  engineOptions(
    new Command('generate [...prompt]', 'Answer a prompt (from stdin when there is none)')
      .option('--system <text>', 'system message in front of the prompt')
      .option('--raw', 'continue the prompt as it is, without chat template')
      .option('--json', 'print one JSON object: text, ids, finishReason, usage, timings')
      .option('--logprobs <n>', 'with --json: log-probabilities of each token and the n likeliest')
      .option('--json-schema <file|json>', 'answer with JSON of this schema, a file or JSON itself')
      .option('--grammar <file>', 'answer with a text of this grammar (GBNF)')
      .option('--regex <pattern>', 'answer with a text that matches this regular expression as a whole')
      .option('--certify', 'say for every greedy token whether rounding could have changed it')
      .option('--record <file>', 'write ids, options, seed, fingerprint and checksums, for replay elsewhere')
      .example('$ smollm2 generate "What is gravity?"')
      .example('$ smollm2 generate --raw "Once upon a time" --temperature 0.8 --seed 1')
      .example(`$ smollm2 generate "Is the sky blue?" --regex "yes|no"`)
      .example('$ cat question.txt | smollm2 generate --model 360m --json'),
  ),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const status = new Status();
  const signal = interruptSignal();
  const logprobs = args.count('logprobs', 0);
  const isCertified = args.flag('certify');
  if (logprobs !== undefined && !args.flag('json')) {
    throw new UsageError('--logprobs: expected with --json, got it without');
  }
  const options = {
    ...generateOptions(args),
    signal,
    logprobs: isCertified ? Math.max(2, logprobs ?? 0) : logprobs,
    ...(await structureOptions(args)),
  };
  if (isCertified) checkGreedy(options);
  const prompt = await promptText(args);
  const { smol, checkpoint, loadMs } = await openModelOrNano(args, status, signal);
  try {
    const promptIds = await encodePrompt(smol, prompt, args, status);
    const { result, tokens } = await streamed(smol, promptIds, options, args, status);
    const certainties = isCertified ? certaintiesOf(smol, tokens) : undefined;
    if (args.flag('json')) {
      const more = {
        systemFingerprint: await smol.systemFingerprint(),
        logprobs:
          logprobs === undefined ? undefined : tokens.map((token) => withTexts(smol, token, logprobs)),
        certainty: certainties,
      };
      await print(`${jsonResult(smol, result, loadMs, more)}\n`);
    } else await print('\n');
    if (certainties && !args.flag('json')) status.note(certaintyText(smol, certainties));
    const recordPath = args.text('record');
    if (recordPath !== undefined) {
      const run = { promptIds, result, options, load: loadOptions(args) };
      await writeRecord(recordPath, smol, checkpoint, run);
      status.note(`run written to ${recordPath}`);
    }
    if (result.finishReason === 'length') status.note(cutNote(result, args));
    status.note(speedLine(smol, result, loadMs));
    if (result.finishReason === 'abort') process.exitCode = 130;
  } finally {
    await smol.close();
  }
}

/** Runs the answer and, unless it is to be JSON, shows it as it comes. */
async function streamed(
  smol: SmolLM2,
  promptIds: readonly number[],
  options: GenerateOptions & StructureOptions,
  args: Arguments,
  status: Status,
): Promise<{ result: GenerationResult; tokens: GeneratedToken[] }> {
  const answer = smol.generate(promptIds, {
    ...options,
    onPromptProgress: (done, total) =>
      process.stderr.isTTY && done < total && status.progress('reading', done, total, 'tokens'),
  });
  const tokens: GeneratedToken[] = [];
  let step = await answer.next();
  for (; !step.done; step = await answer.next()) {
    tokens.push(step.value);
    status.clear();
    if (!args.flag('json')) await print(harmless(step.value.text));
  }
  return { result: step.value, tokens };
}

/** A token's log-probabilities with the text of every id. */
function withTexts(smol: SmolLM2, { id, logprob, topLogprobs }: GeneratedToken, numTop: number): object {
  const text = (one: number) => smol.tokenizer.decode([one]);
  const top = topLogprobs?.slice(0, numTop).map((other) => ({ ...other, text: text(other.id) }));
  return { id, text: text(id), logprob, top };
}

function certaintiesOf({ model }: SmolLM2, tokens: readonly GeneratedToken[]): Certainty[] {
  return tokens.map((token) => certify(token, model.logitErrorBound)).filter((one) => one !== undefined);
}

/** Why the answer ends in the middle, and what to do. */
function cutNote({ usage }: GenerationResult, args: Arguments): string {
  const isByLimit = usage.completionTokens >= (args.count('maxTokens') ?? DEFAULT_MAX_TOKENS);
  return isByLimit
    ? `cut after ${usage.completionTokens} tokens; raise --max-tokens for more`
    : `cut: the context of ${usage.totalTokens} tokens is full`;
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
  return smol.template.encode(smol.tokenizer, messages, { addGenerationPrompt: true });
}

function jsonResult(smol: SmolLM2, result: GenerationResult, loadMs: number, more: object): string {
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
    ...more,
  });
}

/** Certainty is about the largest logit, so nothing may stand between it and the choice. */
function checkGreedy(options: GenerateOptions): void {
  const {
    temperature = 0,
    repetitionPenalty = 1,
    frequencyPenalty = 0,
    presencePenalty = 0,
    logitBias,
  } = options;
  const isPlain = repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0 && !logitBias;
  if (temperature === 0 && isPlain) return;
  throw new RangeError(
    '--certify: expected greedy answers (temperature 0, no penalties), got sampling options',
  );
}

/** Which tokens rounding could have changed. */
function certaintyText(smol: SmolLM2, certainties: readonly Certainty[]): string {
  const ties = certainties.flatMap((certainty, n) => (certainty.verdict === 'tie' ? [{ n, certainty }] : []));
  const bound = certainties[0]?.bound.toPrecision(2);
  const inFloat32 = certainties.filter(({ certainIn }) => certainIn.includes('float32')).length;
  const head =
    `${certainties.length - ties.length} of ${certainties.length} tokens are certain in this engine ` +
    `(logit error ${bound}), ${inFloat32} in any right float32 program`;
  const lines = ties.slice(0, 20).map(({ n, certainty: { id, runnerUp, margin } }) => {
    const [text, other] = [id, runnerUp].map((one) => JSON.stringify(smol.tokenizer.decode([one])));
    return `  token ${n}: ${text} before ${other} by ${margin.toExponential(2)}: a tie within rounding`;
  });
  return [head, ...lines].join('\n');
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
