// Checkpoints of a run on disk: one folder a step, whole or absent. A folder grows under a temporary name; files
// and folder reach the disk (fsync) before it takes its own name, and `latest`, which names it, is replaced last. A
// process that is killed anywhere in between leaves the last checkpoint as it was, and a folder that is ignored.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { SafetensorsFile } from '../../format/safetensors.ts';
import {
  checkpointName,
  MODEL_FILE,
  OPTIMIZER_FILE,
  parseStateRecord,
  readTensorFiles,
  STATE_FILE,
  type StateRecord,
  stepOf,
  tensorFiles,
} from '../../train/state-files.ts';
import type { CheckpointStore, TrainingCheckpoint } from '../../train/training-state.ts';
import { fileSource } from '../file-source.ts';
import { makeFolder, orDiskError } from '../write-file.ts';

/** Ends the name of a folder that is being written. */
const PARTIAL = '.partial';
const LATEST = 'latest';

export class CheckpointFolder implements CheckpointStore {
  readonly path: string;
  private readonly onNote: (text: string) => void;
  private readonly keep: number;

  /**
   * @param onNote told of folders that were left half written or damaged, and of a `latest` that leads nowhere
   * @param keep   the newest so many stay
   */
  constructor(path: string, onNote: (text: string) => void = () => undefined, keep = Infinity) {
    this.path = path;
    this.onNote = onNote;
    this.keep = keep;
  }

  /**
   * @throws UnavailableError when the disk is full or refuses; what was there before is untouched
   */
  async save(checkpoint: TrainingCheckpoint): Promise<string> {
    const name = checkpointName(checkpoint.state.step);
    const partial = join(this.path, `${name}${PARTIAL}`);
    try {
      makeFolder(this.path);
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial);
      await writeCheckpoint(partial, checkpoint);
      await this.takeName(partial, name);
      await this.writeLatest(name);
      await this.removeOldest(name);
      return name;
    } catch (error) {
      await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      const { message } = error as Error;
      throw new UnavailableError(`${join(this.path, name)}: could not be written (${message})`, {
        cause: error,
      });
    }
  }

  async latest(): Promise<TrainingCheckpoint | undefined> {
    const names = await this.names();
    if (names.length === 0) return undefined;
    const said = (await readFile(join(this.path, LATEST), 'utf8').catch(() => '')).trim();
    const newest = names[names.length - 1];
    if (said !== '' && !names.includes(said)) {
      this.onNote(`${join(this.path, LATEST)}: expected a checkpoint, got ${shown(said)}; taking ${newest}`);
    }
    const chosen = names.includes(said) ? said : newest;
    return this.readWhole([chosen, ...names.slice(0, names.indexOf(chosen)).reverse()]);
  }

  /** The first one that can be read. @throws the first one's error when none can */
  private async readWhole([name, ...older]: readonly string[]): Promise<TrainingCheckpoint> {
    try {
      return await this.read(name);
    } catch (error) {
      const { message } = error as Error;
      if (older.length === 0) throw error;
      this.onNote(`${message}; going on from ${older[0]}, delete ${join(this.path, name)}`);
      return this.readWhole(older).catch(() => {
        throw error;
      });
    }
  }

  async load(step: number): Promise<TrainingCheckpoint> {
    const names = await this.names();
    const name = checkpointName(step);
    if (names.includes(name)) return this.read(name);
    const steps = names.map(stepOf).join(', ') || 'none';
    throw new UnavailableError(`${this.path}: expected a checkpoint of step ${step}, got ${steps}`);
  }

  /** Whole checkpoints, oldest first. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.path, { withFileTypes: true }).catch(() => []);
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    for (const name of folders) {
      if (name.endsWith(PARTIAL)) this.onNote(`${join(this.path, name)}: half written, ignored`);
    }
    const steps = folders.filter((name) => stepOf(name) !== undefined);
    return steps.sort((a, b) => stepOf(a)! - stepOf(b)!);
  }

  private async read(name: string): Promise<TrainingCheckpoint> {
    const folder = join(this.path, name);
    const { state, sha256 } = await readRecord(join(folder, STATE_FILE));
    for (const file of [MODEL_FILE, OPTIMIZER_FILE]) {
      const got = await sha256Of(join(folder, file));
      if (got === sha256[file]) continue;
      throw new FormatError(`expected sha256 ${sha256[file]}, got ${got}: the checkpoint is damaged`, {
        file: join(folder, file),
      });
    }
    const files: SafetensorsFile[] = [];
    try {
      for (const file of [MODEL_FILE, OPTIMIZER_FILE]) {
        files.push(await SafetensorsFile.open(await fileSource(join(folder, file))));
      }
      return { state, tensors: await readTensorFiles(files[0], files[1]) };
    } finally {
      for (const file of files) await file.close();
    }
  }

  /** The one just written stays, whatever its step: a run that was resumed may stand before older folders. */
  private async removeOldest(written: string): Promise<void> {
    if (this.keep === Infinity) return;
    const others = (await this.names()).filter((name) => name !== written);
    for (const name of others.slice(0, Math.max(0, others.length + 1 - this.keep))) {
      await rm(join(this.path, name), { recursive: true, force: true });
    }
  }

  /** A checkpoint of the same step, of a run that was resumed before it, gives way. */
  private async takeName(partial: string, name: string): Promise<void> {
    const target = join(this.path, name);
    const replaced = join(this.path, `${name}.replaced${PARTIAL}`);
    await rm(replaced, { recursive: true, force: true });
    const hadOne = await rename(target, replaced).then(
      () => true,
      () => false,
    );
    await rename(partial, target);
    await syncFolder(this.path);
    if (hadOne) await rm(replaced, { recursive: true, force: true });
  }

  private async writeLatest(name: string): Promise<void> {
    const path = join(this.path, LATEST);
    await writeSynced(`${path}${PARTIAL}`, [new TextEncoder().encode(`${name}\n`)]);
    await rename(`${path}${PARTIAL}`, path);
    await syncFolder(this.path);
  }
}

async function writeCheckpoint(folder: string, { state, tensors }: TrainingCheckpoint): Promise<void> {
  const sha256: Record<string, string> = {};
  for (const [file, pieces] of tensorFiles(tensors)) {
    sha256[file] = await writeSynced(join(folder, file), pieces);
  }
  const record: StateRecord = { state, sha256 };
  const text = `${JSON.stringify(record, null, 1)}\n`;
  await writeSynced(join(folder, STATE_FILE), [new TextEncoder().encode(text)]);
  await syncFolder(folder);
}

/** Largest piece that is handed to the file system at once: shared memory of a trainer is copied first. */
const CHUNK = 2 ** 22;

/** Writes a file and waits until the disk has it; returns its sha256. */
async function writeSynced(path: string, pieces: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w').catch(orDiskError(path));
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += CHUNK) {
        const chunk = piece.slice(at, at + CHUNK);
        hash.update(chunk);
        await file.writeFile(chunk).catch(orDiskError(path));
      }
    }
    await file.sync().catch(orDiskError(path));
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Names are on the disk only when their folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readRecord(path: string): Promise<StateRecord> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new UnavailableError(`${path}: expected the record of a checkpoint, got ${cause.message}`);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file: path });
  }
  return parseStateRecord(parsed, path);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }))
      hash.update(piece as Uint8Array);
  } catch (error) {
    throw new UnavailableError(`${path}: expected a file of a checkpoint, got ${(error as Error).message}`);
  }
  return hash.digest('hex');
}
