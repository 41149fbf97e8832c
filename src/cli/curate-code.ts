// `smollm2 curate sources` and `curate languages`: source files as documents, and what a run kept of each language.

import { KeptTokens, keptTokensText } from '../data/code/kept-tokens.ts';
import { inputFiles } from '../node/curate/input-files.ts';
import { rowsOf } from '../node/curate/mix.ts';
import { type SourceCounts, sourceFiles } from '../node/curate/source-tree.ts';
import { type Arguments, Command } from './arguments.ts';
import { print, Status } from './terminal.ts';

export function sourcesCommand(): Command {
  return new Command(
    'curate sources <folder...>',
    'Print the source files of repositories as documents, one a line',
  );
}

export function languagesCommand(): Command {
  return new Command(
    'curate languages <folder>',
    "Tokens by language that a run kept, beside the paper's",
  ).option('--json', 'print the counts as JSON');
}

export async function runSources(args: Arguments): Promise<void> {
  const counts: SourceCounts = { files: 0, skipped: 0 };
  for (const folder of args.words.slice(1)) {
    for await (const doc of sourceFiles(folder, counts)) await print(`${JSON.stringify(doc)}\n`);
  }
  new Status().note(`${counts.files} source files; ${counts.skipped} were too large or no UTF-8`);
}

export async function runLanguages(args: Arguments): Promise<void> {
  const folder = args.words[1];
  const tokens = new KeptTokens();
  for (const part of ['output', 'removed']) {
    // A run that removed nothing has no folder of removed documents.
    const files = await inputFiles([`${folder}/${part}/**/*.{jsonl,jsonl.gz,jsonl.zst,parquet}`]).catch(
      (error) => {
        if (part === 'removed') return [];
        throw error;
      },
    );
    for await (const { row } of rowsOf(files)) {
      const metadata = typeof row.metadata === 'object' && row.metadata !== null ? row.metadata : row;
      tokens.add(metadata as Record<string, unknown>, part === 'output');
    }
  }
  const rows = tokens.rows();
  await print(args.flag('json') ? `${JSON.stringify(rows)}\n` : keptTokensText(rows));
}
