// The options of sampling and of ending an answer, shared by generate and chat.

import type { GenerateOptions } from '../generate/generate.ts';
import type { Arguments, Command } from './arguments.ts';

export function samplingOptions(command: Command): Command {
  return command
    .option('-n, --max-tokens <n>', 'longest answer in tokens (default: 256)')
    .option('--temperature <t>', '0 takes the likeliest token, higher is more varied (default: 0)')
    .option('--top-k <k>', 'draw from the k likeliest tokens')
    .option('--top-p <p>', 'draw from the likeliest tokens that reach this probability together')
    .option('--min-p <p>', 'draw from tokens with this share of the largest probability')
    .option('--typical-p <p>', 'draw from the most typical tokens that reach this probability')
    .option('--repetition-penalty <x>', 'above 1: tokens of prompt and answer become less likely')
    .option('--frequency-penalty <x>', 'subtracted from a logit for each time the answer has it')
    .option('--presence-penalty <x>', 'subtracted from a logit if the answer has it')
    .option('--logit-bias <id=x>', 'added to the logit of a token; may be repeated; -inf forbids it')
    .option('--seed <n>', 'makes a drawn answer repeatable (default: random)')
    .option('--stop <text>', 'end before this text; may be repeated')
    .option('--ignore-eos', 'go on after the end of the answer')
    .option(
      '--context-overflow <policy>',
      'when it does not fit: error, stop or truncate-left (default: error)',
    );
}

export function generateOptions(args: Arguments): GenerateOptions {
  const bias = args.texts('logitBias').map(parseBias);
  return {
    maxTokens: args.count('maxTokens'),
    temperature: args.number('temperature'),
    topK: args.number('topK'),
    topP: args.number('topP'),
    minP: args.number('minP'),
    typicalP: args.number('typicalP'),
    repetitionPenalty: args.number('repetitionPenalty'),
    frequencyPenalty: args.number('frequencyPenalty'),
    presencePenalty: args.number('presencePenalty'),
    logitBias: bias.length > 0 ? new Map(bias) : undefined,
    seed: args.count('seed', 0),
    stop: args.texts('stop'),
    ignoreEos: args.flag('ignoreEos'),
    contextOverflow: args.choice('contextOverflow', ['error', 'stop', 'truncate-left']),
  };
}

function parseBias(text: string): [number, number] {
  const [, id, bias] = /^(\d+)=([+-]?(?:\d+\.?\d*|\.\d+)|-inf)$/i.exec(text) ?? [];
  if (id === undefined) throw new RangeError(`--logit-bias: expected ID=NUMBER, got "${text}"`);
  return [Number(id), /inf/i.test(bias) ? Number.NEGATIVE_INFINITY : Number(bias)];
}
