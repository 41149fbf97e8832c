// Rows of an evaluation data set: where they come from, how a file becomes rows, and checked access to their
// fields. Files are foreign input: a wrong line or field is a FormatError with its place, before any question
// is run.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';

/**
 * One file of rows, under the name it has in a local folder, and where the Hugging Face hub keeps the same
 * rows.
 */
export interface Dataset {
  /** File name in the local layout: `.jsonl`, `.json` or `.txt`, with or without `.gz`. */
  readonly file: string;
  readonly hub?: HubDataset;
}

/** Address of a split in the hub's parquet branch. */
export interface HubDataset {
  readonly repo: string;
  readonly config: string;
  readonly split: string;
}

/** Gives the rows of a data set, from wherever they are kept. */
export interface RowSource {
  /** @throws UnavailableError when the file is nowhere; FormatError when it is broken */
  rows(dataset: Dataset): Promise<readonly Row[]>;
}

/** Largest file that is read: the biggest benchmark here has 16 MB. */
export const MAX_FILE_BYTES = 256 << 20;

/** One record; every field is checked when it is read. */
export class Row {
  readonly file: string;
  /** Place in the file's order, from 0. */
  readonly index: number;
  private readonly fields: Readonly<Record<string, unknown>>;

  constructor(file: string, index: number, fields: Readonly<Record<string, unknown>>) {
    this.file = file;
    this.index = index;
    this.fields = fields;
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  /** The field as JSON.parse gave it. */
  raw(name: string): unknown {
    return this.fields[name];
  }

  text(name: string): string {
    const value = this.fields[name];
    return typeof value === 'string' ? value : this.refuse(name, 'a text', value);
  }

  texts(name: string): readonly string[] {
    const value = this.fields[name];
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return isTexts ? value : this.refuse(name, 'a list of texts', value);
  }

  /** A whole number in [0, bound), also where the file holds it as digits in a text. */
  index0(name: string, bound: number): number {
    const value = this.fields[name];
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    const isIndex = typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < bound;
    return isIndex ? number : this.refuse(name, `a whole number from 0 to ${bound - 1}`, value);
  }

  /** A record inside the record. */
  record(name: string): Row {
    const value = this.fields[name];
    if (isRecord(value)) return new Row(this.file, this.index, value);
    return this.refuse(name, 'an object', value);
  }

  refuse(name: string, expected: string, value: unknown): never {
    const got = shown(value);
    throw new FormatError(`expected ${expected}, got ${got}`, {
      file: this.file,
      field: `row ${this.index}: ${name}`,
    });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Choices and gold index of a question, in the hub's shape (`text`, `label`, `answerKey`) or the flat one.
 */
export function choicesOf(row: Row): { choices: readonly string[]; gold: number } {
  if (Array.isArray(row.raw('choices'))) {
    const choices = row.texts('choices');
    const gold = row.has('gold') ? 'gold' : 'answer';
    return { choices, gold: row.index0(gold, choices.length) };
  }
  const record = row.record('choices');
  const choices = record.texts('text');
  const gold = record.texts('label').indexOf(row.text('answerKey').trim());
  if (gold < 0 || gold >= choices.length) {
    row.refuse('answerKey', 'one of the labels of the choices', row.raw('answerKey'));
  }
  return { choices, gold };
}

/**
 * Rows of a file's text: one JSON object a line (`.jsonl`), an array or `{examples: […]}` (`.json`), or lines
 * of plain text with the field `line` (`.txt`).
 *
 * @throws FormatError with the line and its byte offset
 */
export function parseRows(file: string, text: string): Row[] {
  const name = file.replace(/\.gz$/, '');
  if (name.endsWith('.txt')) return text.split('\n').map((line, index) => new Row(file, index, { line }));
  if (name.endsWith('.json')) return rowsOfJson(file, text);
  const rows: Row[] = [];
  let offset = 0;
  for (const [lineIndex, line] of text.split('\n').entries()) {
    if (line.trim() !== '') {
      rows.push(new Row(file, rows.length, parseRecord(line, file, `line ${lineIndex + 1}`, offset)));
    }
    offset += new TextEncoder().encode(line).length + 1;
  }
  return notEmpty(file, rows);
}

function rowsOfJson(file: string, text: string): Row[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  }
  const list = isRecord(parsed) ? parsed.examples : parsed;
  if (!Array.isArray(list)) throw new FormatError('expected a list of examples', { file });
  const rows = list.map((item: unknown, index) => {
    if (!isRecord(item)) throw new FormatError('expected an object', { file, field: `row ${index}` });
    return new Row(file, index, item);
  });
  return notEmpty(file, rows);
}

function parseRecord(line: string, file: string, field: string, offset: number): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file, field, offset });
  }
  if (!isRecord(parsed)) throw new FormatError('expected an object', { file, field, offset });
  return parsed;
}

function notEmpty(file: string, rows: Row[]): Row[] {
  if (rows.length === 0) throw new FormatError('expected at least one row, got none', { file });
  return rows;
}
