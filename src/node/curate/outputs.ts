// What a rank writes: documents that stay, those that go by stage, keys for the next grouping. File names come from
// the rank, so that a rank that is run again replaces what it left.

import { join } from 'node:path';
import { parseDocument } from '../../data/pipeline/document-line.ts';
import type { OutputFormat } from '../../data/pipeline/recipe.ts';
import { makeFolderOf } from '../write-file.ts';
import type { WrittenBlock } from './block-bytes.ts';
import { ParquetOutput } from './parquet-output.ts';
import { OutputFile } from './streams.ts';

/** 3 as `00003`: datatrove's names. */
export function rankName(rank: number): string {
  return String(rank).padStart(5, '0');
}

export class RankOutputs {
  private readonly kept: OutputFile | ParquetOutput;
  private readonly keys: OutputFile | undefined;
  private readonly removed = new Map<number, OutputFile>();
  private readonly removedPath: (stage: number) => string;

  /**
   * @param keptPath without the ending of the format
   * @param keysPath where the keys of the next grouping go, if there is one
   */
  constructor(
    keptPath: string,
    format: OutputFormat,
    keysPath: string | undefined,
    removedPath: (stage: number) => string,
  ) {
    const path = `${keptPath}.${format}`;
    makeFolderOf(path);
    this.kept = format === 'parquet' ? new ParquetOutput(path) : new OutputFile(path);
    this.keys = keysPath === undefined ? undefined : new OutputFile(keysPath);
    this.removedPath = removedPath;
  }

  async write({ kept, removed, keys }: WrittenBlock): Promise<void> {
    if (this.kept instanceof ParquetOutput) {
      const lines = new TextDecoder().decode(kept).split('\n').slice(0, -1);
      for (const line of lines) await this.kept.write(parseDocument(line, 'a kept document', ''));
    } else if (kept.length > 0) await this.kept.write(kept);
    for (const [stage, lines] of removed.entries()) {
      if (lines.length > 0) await this.removedFile(stage).write(lines);
    }
    if (keys.length > 0) await this.keys?.write(keys);
  }

  async close(): Promise<void> {
    await Promise.all([this.kept.close(), this.keys?.close()]);
    for (const file of this.removed.values()) await file.close();
  }

  private removedFile(stage: number): OutputFile {
    const file = this.removed.get(stage);
    if (file) return file;
    const path = this.removedPath(stage);
    makeFolderOf(path);
    const made = new OutputFile(path);
    this.removed.set(stage, made);
    return made;
  }
}

/** Where things lie in the output folder. */
export function layoutOf(folder: string) {
  return {
    output: (rank: number) => join(folder, 'output', rankName(rank)),
    removed: (number: number, stage: string, rank: number) =>
      join(folder, 'removed', `${number}_${stage}`, `${rankName(rank)}.jsonl.gz`),
    between: (phase: number, rank: number) => join(folder, 'phases', String(phase), rankName(rank)),
    phases: join(folder, 'phases'),
    completion: (phase: number, rank: number) => join(folder, 'completions', `${phase}_${rankName(rank)}`),
    completions: join(folder, 'completions'),
    stats: (phase: number, rank: number) => join(folder, 'stats', `${phase}_${rankName(rank)}.json`),
    plan: join(folder, 'plan.json'),
    report: (ending: string) => join(folder, `report.${ending}`),
    card: join(folder, 'README.md'),
  };
}
export type Layout = ReturnType<typeof layoutOf>;
