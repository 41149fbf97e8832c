// `smollm2 verify`: judges another program by its answers (--url), its logits (--logits) or its perplexity
// (--llamacpp).

import type { Checkpoint } from '../format/checkpoint.ts';
import { loadModel } from '../node/index.ts';
import { nodePlatform } from '../node/platform.ts';
import { coarserModels } from '../run/likenesses.ts';
import { bind } from '../smollm2.ts';
import { withLayerOrder } from '../verify/layer-order.ts';
import { connectServer } from '../verify/openai-probe.ts';
import { type Agreement, type VerifyReport, verifyServer } from '../verify/verify.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, loadOptions, openModelFile } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';
import { verifyLlamaCpp, verifyLogits } from './verify-files.ts';

export const verifyCommand = engineOptions(
  new Command('verify', 'Judge another program that runs the model')
    .option('--url <url>', 'an OpenAI-compatible server, such as http://127.0.0.1:8080/v1')
    .option(
      '--server-model <name>',
      'name of the model in requests (default: the first that the server lists)',
    )
    .option('--logits <file>', "logits: safetensors, .npy, or llama.cpp's file of log-probabilities")
    .option('--ids <ids>', 'the tokens whose logits a .npy file holds')
    .option('--llamacpp <path>', 'the folder or program of llama-perplexity, to be run on --text')
    .option('--text <file>', 'the text for --llamacpp')
    .option('--json', 'print one JSON object')
    .example('$ smollm2 verify --url http://127.0.0.1:8080/v1 --model 135m'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const given = ['url', 'logits', 'llamacpp'].filter((name) => args.text(name) !== undefined);
  if (given.length !== 1) {
    throw new RangeError(`verify: expected one of --url, --logits and --llamacpp, got ${given.length}`);
  }
  if (given[0] === 'url') return verifyUrl(args, args.text('url') ?? '');
  return given[0] === 'logits' ? verifyLogits(args) : verifyLlamaCpp(args);
}

async function verifyUrl(args: Arguments, url: string): Promise<void> {
  const status = new Status();
  const server = await connectServer(url, {
    fetch,
    model: args.text('serverModel'),
    apiKey: process.env.OPENAI_API_KEY,
  });
  const checkpoint = await openModelFile(args, status, interruptSignal());
  const options = { precision: 'precise' as const, ...definedOnly(loadOptions(args)) };
  const load = (from: Checkpoint) => loadModel(from, options);
  const smol = bind(await load(checkpoint), checkpoint);
  try {
    const report = await verifyServer(
      server,
      {
        model: smol.model,
        tokenizer: smol.tokenizer,
        render: async (messages) =>
          smol.template ? smol.template.render(messages, { addGenerationPrompt: true }) : '',
        withConfig: (change) => load({ ...checkpoint, config: { ...checkpoint.config, ...change } }),
        withLayers: (order) => load(withLayerOrder(checkpoint, order)),
        coarser: coarserModels(checkpoint, load, nodePlatform),
      },
      (done, total) => status.progress('asking', done, total, 'questions'),
    ).finally(() => status.clear());
    await print(args.flag('json') ? `${JSON.stringify(report)}\n` : `${verifyText(report)}\n`);
    process.exitCode = report.verdict.startsWith('right') ? 0 : report.verdict === 'cannot-judge' ? 3 : 1;
  } finally {
    await smol.close();
    await checkpoint.close();
  }
}

/** The members that were given: an undefined one would hide a default. */
function definedOnly<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export function verifyText(report: VerifyReport): string {
  const { verdict, findings, texts, chats } = report;
  return [
    `verdict: ${verdict}`,
    ...findings.map((finding) => `  ${finding}`),
    agreementLine('texts', texts),
    agreementLine('conversations', chats),
  ].join('\n');
}

function agreementLine(name: string, of: Agreement): string {
  const compared =
    of.numCompared > 0
      ? `ln p rms ${of.rms.toPrecision(3)}, largest ${of.max.toPrecision(3)} of ${of.numCompared}; `
      : 'no log-probabilities; ';
  return `${name}: ${compared}${of.numGreedy} of ${of.numChosen} greedy tokens equal`;
}
