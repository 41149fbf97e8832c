// What a benchmark is: rows of data, how a row becomes a document, and how an answer is graded. questions.ts
// turns documents into prompts with shots; runner.ts asks them and knows no task.

import type { Metric } from './metrics.ts';
import type { Dataset, Row } from './rows.ts';

/** Whose definition of a benchmark is followed: lighteval as SmolLM2 was scored, or lm-evaluation-harness. */
export type Style = 'lighteval' | 'lm-eval';

/** Named results of one answer; 1 or 0 for right or wrong, or a quantity that the task's summary adds up. */
export type Scores = Readonly<Record<string, number>>;

/** A row in the words of the prompt. The instruction stands once, in front of the shots. */
export interface Doc {
  readonly instruction?: string;
  readonly query: string;
  /** What a shot shows after the query; for documents that are graded by text, the right answer. */
  readonly target: string;
  /** Continuations to choose from, with their leading blank if they have one. */
  readonly choices?: readonly string[];
  /** Where each choice has a context of its own (WinoGrande of lm-eval): the queries, one per choice. */
  readonly queries?: readonly string[];
  /** Index of the right choice. */
  readonly gold?: number;
  /** Which score `chosen` follows: the sum, or the sum per character (default). */
  readonly chooseBy?: 'acc' | 'acc_norm';
}

/** What every benchmark states about itself. */
interface TaskFacts {
  readonly name: string;
  /** Where the official definition can be read. */
  readonly definition: string;
  readonly dataset: Dataset;
  /** The rows, where a benchmark makes them itself instead of reading `dataset`. */
  readonly generated?: () => readonly Row[];
  /** Where shots come from; the data set itself when it says `same`. */
  readonly pool?: Dataset | 'same';
  /** Number of shots where the caller names none. */
  readonly shots: number;
  /** How lighteval picks them (lm-eval always draws at random, or takes the first). */
  readonly shotChoice: 'balanced' | 'random' | 'sequential';
  /** Rows of one group draw shots from their own group only (subjects of MMLU). */
  readonly group?: (row: Row) => string;
  readonly doc: (row: Row, style: Style) => Doc;
  /** Figures of a run; by default the mean of every score. */
  readonly summary?: (scores: readonly Scores[]) => readonly Metric[];
}

/** Which of a few continuations is most likely. */
export interface ChoiceTask extends TaskFacts {
  readonly kind: 'choice';
}

/** Whether the one continuation is what greedy decoding would say, and how likely it is. */
export interface TargetTask extends TaskFacts {
  readonly kind: 'target';
}

/** How likely a whole text is. */
export interface TextTask extends TaskFacts {
  readonly kind: 'text';
  /** Joins rows to texts before `doc` sees them. */
  readonly pages: (rows: readonly Row[]) => readonly Row[];
}

/** What the model writes after a prompt, greedily. */
export interface WriteTask extends TaskFacts {
  readonly kind: 'write';
  readonly maxNewTokens: number;
  /** Texts that end the answer; in a chat only the end of the turn does. */
  readonly stop: (style: Style) => readonly string[];
  /** Chat only: the benchmark makes no sense without the template. */
  readonly needsChat?: boolean;
  /** Answers are programs in this language, to be run. */
  readonly runs?: Language;
  readonly grade: (row: Row, output: string, style: Style, run: RunCode) => Promise<Grade> | Grade;
}

/** What was read out of an answer, what was expected, and the scores. */
export interface Grade {
  readonly chosen: string | null;
  readonly gold: string;
  readonly scores: Scores;
}

export type Task = ChoiceTask | TargetTask | TextTask | WriteTask;

export type Language = 'javascript' | 'python';

/** Runs a program in a sandbox; resolves to whether it ended without an error or a failed assertion. */
export type RunCode = (
  program: string,
  language: Language,
) => Promise<{ readonly passed: boolean; readonly reason: string }>;
