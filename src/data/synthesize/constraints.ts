// Smol-Constraints: a request with constraints that a program can check, an answer, and the check. The
// model writes the request; it is asked which of IFEval's instructions it holds, and with what arguments; a
// row stays only where these are in form, do not exclude each other, and the answer follows every one of
// them (prompt_level_strict_acc).

import { Rng } from '../../base/rng.ts';
import { seedFor } from '../../base/seed.ts';
import { follows, INSTRUCTION_KINDS, type InstructionArguments } from '../../eval/instructions.ts';
import { conflict } from './conflicts.ts';
import { faultOf } from './magpie.ts';
import type { Message, Writer, Written } from './writer.ts';

/** An instruction that a request holds. */
export interface Constraint {
  readonly kind: string;
  readonly args: InstructionArguments;
}

const text = { type: 'string', minLength: 1, maxLength: 60 };
const count = { type: 'integer', minimum: 1, maximum: 500 };
const few = { type: 'integer', minimum: 1, maximum: 20 };
const relation = { enum: ['less than', 'at least'] };
const words = { type: 'array', items: text, minItems: 1, maxItems: 5 };

/** The arguments of each instruction as JSON Schema; those that are not here have none. */
const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  'keywords:existence': { keywords: words },
  'keywords:forbidden_words': { forbidden_words: words },
  'keywords:frequency': { keyword: text, frequency: few, relation },
  'keywords:letter_frequency': {
    letter: { type: 'string', pattern: '^[a-z]$' },
    let_frequency: few,
    let_relation: relation,
  },
  'language:response_language': { language: { type: 'string', pattern: '^[a-z]{2}$' } },
  'length_constraints:number_sentences': { num_sentences: few, relation },
  'length_constraints:number_paragraphs': { num_paragraphs: few },
  'length_constraints:number_words': { num_words: count, relation },
  'length_constraints:nth_paragraph_first_word': {
    num_paragraphs: few,
    nth_paragraph: few,
    first_word: text,
  },
  'detectable_content:number_placeholders': { num_placeholders: few },
  'detectable_content:postscript': { postscript_marker: { enum: ['P.S.', 'P.P.S'] } },
  'detectable_format:number_bullet_lists': { num_bullets: few },
  'detectable_format:number_highlighted_sections': { num_highlights: few },
  'detectable_format:multiple_sections': {
    section_spliter: { enum: ['Section', 'SECTION'] },
    num_sections: few,
  },
  'combination:repeat_prompt': { prompt_to_repeat: { type: 'string', minLength: 1, maxLength: 400 } },
  'startend:end_checker': { end_phrase: text },
  'change_case:capital_word_frequency': { capital_frequency: few, capital_relation: relation },
};

const WRITES =
  'You write requests that people send to an AI assistant. Each asks for a text and ends in one to three ' +
  'constraints that a program can check, such as a number of words, sentences or paragraphs, words to use or to ' +
  'avoid, no commas, only lower-case letters, or a closing phrase. Write the request only.';

/** Row `row`: request, constraints, answer. */
export async function constraintsRow(
  writer: Writer,
  seed: number,
  row: number,
  { maxTokens = 1024 }: { readonly maxTokens?: number } = {},
): Promise<Written> {
  const rng = Rng.fromSeed(seedFor(seed, 'constraints', `row ${row}`));
  const sampling = () => ({ temperature: 0.8, topP: 1, maxTokens, seed: rng.nextWord() });
  const asks: Message[] = [
    { role: 'system', content: WRITES },
    { role: 'user', content: `Write request number ${row + 1}, on a topic of everyday life or school.` },
  ];
  const request = await writer.turn(asks, 'assistant', sampling());
  const prompt = { role: 'user', content: request.text.trim() } as const;
  const fault = faultOf(request.text, request.isEnded, 'assistant', writer.templateTexts);
  if (fault) return { rejected: `request: ${fault}`, messages: [prompt] };
  const constraints = await constraintsIn(writer, prompt.content, rng);
  if (typeof constraints === 'string') return { rejected: constraints, messages: [prompt] };
  const answer = await writer.turn([prompt], 'assistant', sampling());
  const messages = [prompt, { role: 'assistant', content: answer.text.trim() } as const];
  const rejected =
    faultOf(answer.text, answer.isEnded, 'assistant', writer.templateTexts) ??
    (followsAll(answer.text, constraints) ? undefined : 'not_followed');
  if (rejected) return { rejected, messages };
  return { messages, labels: { instruction_id_list: constraints.map(({ kind }) => kind).join(' ') } };
}

/** `conflict` where two exclude each other, `bad_arguments` where one lacks what its check needs. */
export function faultOfConstraints(constraints: readonly Constraint[]): string | undefined {
  if (constraints.length === 0) return 'no_constraints';
  const clashes = constraints.some(({ kind }, i) =>
    constraints.slice(i + 1).some((other) => conflict(kind, other.kind)),
  );
  if (clashes) return 'conflict';
  const isWhole = constraints.every(({ kind, args }) =>
    Object.keys(ARGUMENTS[kind] ?? {}).every((name) => args[name] !== undefined && args[name] !== null),
  );
  return isWhole ? undefined : 'bad_arguments';
}

/** Strict: the answer as it is follows every constraint. */
export function followsAll(answer: string, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ kind, args }) => follows(kind, answer, args));
}

/** Ids first, then the arguments of each, both as JSON at temperature 0.2. */
async function constraintsIn(writer: Writer, request: string, rng: Rng): Promise<Constraint[] | string> {
  const options = () => ({ temperature: 0.2, topP: 1, maxTokens: 512, seed: rng.nextWord() });
  const ask = (content: string): Message[] => [{ role: 'user', content }];
  const ids = await writer.json(
    ask(`Which of these constraints does the request hold? Answer in JSON.\n\n## Request\n${request}`),
    {
      type: 'object',
      properties: {
        instruction_id_list: {
          type: 'array',
          items: { enum: [...INSTRUCTION_KINDS] },
          minItems: 1,
          maxItems: 3,
        },
      },
      required: ['instruction_id_list'],
      additionalProperties: false,
    },
    options(),
  );
  const kinds = (ids as { instruction_id_list?: string[] } | undefined)?.instruction_id_list;
  if (!kinds) return 'bad_ids';
  const clash = faultOfConstraints(kinds.map((kind) => ({ kind, args: {} })));
  if (clash === 'conflict') return clash;
  const constraints: Constraint[] = [];
  for (const kind of kinds) {
    const properties = ARGUMENTS[kind];
    const schema = {
      type: 'object',
      properties,
      required: Object.keys(properties ?? {}),
      additionalProperties: false,
    };
    const args = properties
      ? await writer.json(
          ask(`With what arguments does the request hold ${kind}? Answer in JSON.\n\n## Request\n${request}`),
          schema,
          options(),
        )
      : {};
    if (args === undefined) return 'bad_arguments';
    constraints.push({ kind, args: args as InstructionArguments });
  }
  return faultOfConstraints(constraints) ?? constraints;
}
