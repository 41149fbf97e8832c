// `generate --record` and `smollm2 replay`: a run written down, and repeated elsewhere.

import { FormatError, UnavailableError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { GenerateOptions, GenerationResult } from '../generate/generate.ts';
import {
  firstDeviation,
  layerChecksums,
  parseRecord,
  RECORD_FORMAT,
  type RunRecord,
  recordedPoints,
} from '../generate/record.ts';
import { biasesOf } from '../generate/sampler.ts';
import { loadModel } from '../node/index.ts';
import { openNode } from '../node/open.ts';
import { readText } from '../node/read-file.ts';
import { writeText } from '../node/write-file.ts';
import type { LoadOptions } from '../run/load.ts';
import { bind, type SmolLM2 } from '../smollm2.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, loadOptions, openModelFile } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';

/** Options of a run as JSON keeps them: numbers, texts, lists; no callbacks, no signal. */
function plainOptions(options: GenerateOptions, engine: LoadOptions): Record<string, unknown> {
  const { signal: _signal, onPromptProgress: _progress, timeline: _timeline, logitBias, ...plain } = options;
  const { engine: name, precision, maxSeqLen, relaxed } = engine;
  return JSON.parse(
    JSON.stringify({
      ...plain,
      ...(logitBias ? { logitBias: [...biasesOf(logitBias, Number.MAX_SAFE_INTEGER)] } : {}),
      load: { engine: name, precision, maxSeqLen, relaxed },
    }),
  );
}

/** Writes a run with the checksums of every layer: one more pass over prompt and answer. */
export async function writeRecord(
  path: string,
  smol: SmolLM2,
  checkpoint: Checkpoint,
  run: {
    promptIds: readonly number[];
    result: GenerationResult;
    options: GenerateOptions;
    load: LoadOptions;
  },
): Promise<void> {
  const { promptIds, result, options, load } = run;
  const record: RunRecord = {
    format: RECORD_FORMAT,
    fingerprint: await smol.systemFingerprint(),
    model: checkpoint.name,
    engine: smol.model.engineName,
    options: plainOptions(options, load),
    seed: String(result.seed),
    promptIds,
    ids: result.ids,
    text: result.text,
    points: recordedPoints(smol.config.numLayers),
    checksums: await layerChecksums(smol.model, [...promptIds, ...result.ids]),
  };
  await writeText(path, `${JSON.stringify(record)}\n`);
}

export const replayCommand = engineOptions(
  new Command('replay <file>', 'Repeat a recorded run, and say where this machine deviates')
    .option('--json', 'print one JSON object')
    .example('$ smollm2 generate "What is gravity?" --record run.json && smollm2 replay run.json'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const [path] = args.words;
  const record = parseRecord(parseJson(await readText(path), path), path);
  const status = new Status();
  const recorded = (record.options.load ?? {}) as LoadOptions;
  // A flag that was not given is false, and does not change what was recorded.
  const given = Object.entries(loadOptions(args)).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  const load: LoadOptions = { ...recorded, ...Object.fromEntries(given) };
  if (!args.text('model') && /^\w+:\/\//.test(record.model)) {
    // A recording is a file from anywhere: it does not decide which addresses this machine asks.
    throw new UnavailableError(`${shown(record.model)}: expected --model, the recording names an address`);
  }
  const checkpoint = args.text('model')
    ? await openModelFile(args, status, interruptSignal())
    : await openNode(record.model);
  const smol = bind(await loadModel(checkpoint, load), checkpoint);
  try {
    const fingerprint = await smol.systemFingerprint();
    const { load: _load, logitBias, ...options } = record.options as Record<string, unknown>;
    const answer = smol.generate(record.promptIds, {
      ...(options as GenerateOptions),
      ...(Array.isArray(logitBias) ? { logitBias: new Map(logitBias) } : {}),
      seed: BigInt(record.seed),
    });
    let step = await answer.next();
    while (!step.done) step = await answer.next();
    const { ids } = step.value;
    const at = record.ids.findIndex((id, n) => id !== ids[n]);
    const token = at >= 0 ? at : ids.length !== record.ids.length ? record.ids.length : undefined;
    const computed = await layerChecksums(smol.model, [...record.promptIds, ...record.ids]);
    const deviation = firstDeviation(record.points, record.checksums, computed);
    const report = {
      equal: token === undefined && !deviation && fingerprint === record.fingerprint,
      fingerprint,
      recordedFingerprint: record.fingerprint,
      firstToken: token ?? null,
      firstDeviation: deviation ?? null,
    };
    await print(args.flag('json') ? `${JSON.stringify(report)}\n` : replayText(report, record));
    process.exitCode = token === undefined && !deviation ? 0 : 1;
  } finally {
    await smol.close();
    await checkpoint.close();
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`expected JSON written by generate --record, got: ${(cause as Error).message}`, {
      file,
    });
  }
}

function replayText(
  report: {
    fingerprint: string;
    firstToken: number | null;
    firstDeviation: { row: number; point: string } | null;
  },
  record: RunRecord,
): string {
  const { fingerprint, firstToken, firstDeviation: deviation } = report;
  const lines: string[] = [];
  if (fingerprint !== record.fingerprint) {
    lines.push(
      `another system: ${fingerprint}, recorded with ${record.fingerprint} (weights, kernels or precision)`,
    );
  }
  if (firstToken !== null) lines.push(`the answer deviates at its token ${firstToken}`);
  if (deviation) {
    const { promptIds } = record;
    const place =
      deviation.row < promptIds.length
        ? `prompt token ${deviation.row}`
        : `answer token ${deviation.row - promptIds.length}`;
    lines.push(`the first different numbers are at ${place}, ${deviation.point}`);
  }
  if (firstToken === null && !deviation) {
    lines.push(
      `equal: ${record.ids.length} tokens and ${record.checksums.length * record.points.length} checksums, bit for bit`,
    );
  }
  return `${lines.join('\n')}\n`;
}
