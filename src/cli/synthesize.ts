// `smollm2 synthesize`: conversations of SmolTalk's four generators, from a model here or behind an address.

import { constraintsRow } from '../data/synthesize/constraints.ts';
import { magpieRow } from '../data/synthesize/magpie.ts';
import { repeatedRows } from '../data/synthesize/near-duplicates.ts';
import { rewriteRow } from '../data/synthesize/rewrite.ts';
import type { Writer, Written } from '../data/synthesize/writer.ts';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { endpointVectors, endpointWriter } from '../node/curate/endpoint-writer.ts';
import { engineWriter } from '../node/curate/engine-writer.ts';
import { inputFiles } from '../node/curate/input-files.ts';
import { writeConversations } from '../node/curate/messages-output.ts';
import { rowsOf } from '../node/curate/mix.ts';
import { openRowLog } from '../node/curate/row-log.ts';
import { type SynthesisReport, synthesize } from '../node/curate/synthesize.ts';
import { writeText } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { engineOptions, openModel } from './model-options.ts';
import { jsonPoster } from './post-json.ts';
import { print, Status } from './terminal.ts';

const KINDS = ['magpie', 'constraints', 'rewrite', 'summarize'] as const;
type Kind = (typeof KINDS)[number];

/** Cosine of two first questions, the mean taken out, above which the later one goes. */
const NEAR = 0.9;
const TOGETHER = 8;

export const synthesizeCommand = engineOptions(
  new Command('synthesize <kind>', 'Write conversations: magpie, constraints, rewrite, summarize'),
)
  .option('--rows <n>', 'rows to write, before checks (default: 50; rewrite and summarize: all texts)')
  .option('--out <file>', '.parquet or .jsonl: messages, source, labels')
  .option('--rejected <file>', 'rows that fell, as JSONL with the reason')
  .option('--in <glob>', 'texts for rewrite and summarize')
  .option('--seed <n>', 'another seed writes other rows (default: 0)')
  .option('--max-tokens <n>', 'longest turn (default: 1024)')
  .option('--turns <n>', 'magpie: questions of a row (default: 3)')
  .option('--labels', 'magpie: difficulty, quality and tag of the first question, by the same model')
  .option('--near <cosine>', `a first question this near to an earlier one goes (default: ${NEAR})`)
  .option('--endpoint <url>', 'an OpenAI-compatible server in place of a model here (key: OPENAI_API_KEY)')
  .option('--json', 'print the counts as JSON')
  .example('$ smollm2 synthesize magpie --rows 50 --out magpie.parquet')
  .example(
    '$ smollm2 synthesize magpie --endpoint http://localhost:8080/v1 --model qwen --out magpie.parquet',
  )
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const kind = args.words[0] as Kind;
  const out = args.text('out');
  if (!KINDS.includes(kind)) throw new UsageError(`synthesize: expected ${KINDS.join(', ')}, got ${kind}`);
  if (out === undefined) throw new UsageError('--out: expected a file for the conversations');
  const status = new Status();
  const opened = await openWriter(args, status);
  try {
    const texts = kind === 'rewrite' || kind === 'summarize' ? await textsOf(args) : undefined;
    const rows = Math.min(
      args.count('rows') ?? texts?.length ?? 50,
      texts?.length ?? Number.POSITIVE_INFINITY,
    );
    const write = rowWriter(kind, opened.writer, texts ?? [], args);
    const log = await openRowLog(`${out}.rows`, settingsOf(kind, opened.writer, args));
    if (log.known.size > 0) status.note(`${log.known.size} rows of an interrupted run are taken`);
    const { kept, fallen, report } = await synthesize(write, {
      source: kind === 'magpie' ? 'smol-magpie' : `smol-${kind}`,
      rows,
      together: TOGETHER,
      log,
      onRow: (done) => status.progress(kind, done, rows, 'rows'),
      repeats: async (questions) => {
        const vectors = await opened.embed(questions);
        if (vectors) return repeatedRows(vectors, args.number('near') ?? NEAR);
        status.note('near duplicates were not looked for: the endpoint has no embeddings');
        return [];
      },
    }).finally(() => log.close());
    status.clear();
    await writeConversations(out, kept);
    const rejected = args.text('rejected');
    if (rejected !== undefined) {
      await writeText(rejected, fallen.map((row) => `${JSON.stringify(row)}\n`).join(''));
    }
    await log.remove();
    await print(args.flag('json') ? `${JSON.stringify(report)}\n` : reportText(report));
  } finally {
    await opened.close();
  }
}

/** All that a row depends on beside its number. */
function settingsOf(kind: Kind, { name }: Writer, args: Arguments): Record<string, unknown> {
  const options = ['endpoint', 'seed', 'maxTokens', 'turns'].map((option) => [option, args.text(option)]);
  const given = { labels: args.flag('labels'), in: args.texts('in'), ...Object.fromEntries(options) };
  return { kind, writer: name, model: args.text('model') ?? DEFAULT_MODEL, ...given };
}

interface OpenWriter {
  readonly writer: Writer;
  /** Undefined where an endpoint has no embeddings. */
  embed(texts: readonly string[]): Promise<readonly ArrayLike<number>[] | undefined>;
  close(): Promise<void>;
}

async function openWriter(args: Arguments, status: Status): Promise<OpenWriter> {
  const endpoint = args.text('endpoint');
  if (endpoint !== undefined) {
    const post = jsonPoster(endpoint, process.env.OPENAI_API_KEY);
    const model = args.text('model') ?? DEFAULT_MODEL;
    return {
      writer: endpointWriter(post, model),
      embed: (texts) => endpointVectors(post, model, texts),
      close: async () => undefined,
    };
  }
  const { smol } = await openModel(args, status);
  return { writer: engineWriter(smol), embed: (texts) => smol.embed(texts), close: () => smol.close() };
}

function rowWriter(
  kind: Kind,
  writer: Writer,
  texts: readonly string[],
  args: Arguments,
): (row: number) => Promise<Written> {
  const seed = args.count('seed', 0) ?? 0;
  const maxTokens = args.count('maxTokens');
  const limits = maxTokens === undefined ? {} : { maxTokens };
  if (kind === 'constraints') return (row) => constraintsRow(writer, seed, row, limits);
  if (kind !== 'magpie') return (row) => rewriteRow(writer, kind, texts[row], seed, row);
  const turns = args.count('turns');
  const options = { ...limits, ...(turns && { turns }), withLabels: args.flag('labels') };
  return (row) => magpieRow(writer, seed, row, options);
}

async function textsOf(args: Arguments): Promise<string[]> {
  const paths = args.texts('in');
  if (paths.length === 0) throw new UsageError('--in: expected files with texts to rewrite');
  const texts: string[] = [];
  for await (const { row } of rowsOf(await inputFiles(paths))) {
    if (typeof row.text === 'string') texts.push(row.text);
  }
  return texts;
}

function reportText({ rows, kept, rejected }: SynthesisReport): string {
  const reasons = Object.entries(rejected).sort(([, a], [, b]) => b - a);
  return [`${kept} of ${rows} rows stay`, ...reasons.map(([reason, n]) => `  ${reason}: ${n}`), ''].join(
    '\n',
  );
}
