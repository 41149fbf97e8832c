// Writes synthetic turns with a model in this program. Rows that are written side by side share its passes.

import { UnsupportedError } from '../../base/errors.ts';
import type { Message, Turn, TurnOptions, Writer } from '../../data/synthesize/writer.ts';
import type { GenerateOptions } from '../../generate/options.ts';
import type { Json } from '../../grammar/grammar.ts';
import type { SmolLM2 } from '../../smollm2.ts';

/** Stands where a turn's text will be; no template changes it. */
const HERE = 'zxqTURNqxz';
/** How no turn may begin: headings and bold text. */
const MARKDOWN = /^\s*(#{1,4}|\*\*)$/;

/** @throws UnsupportedError for a model without a chat template */
export function engineWriter(smol: SmolLM2): Writer {
  const { template, tokenizer } = smol;
  if (!template) {
    throw new UnsupportedError('synthesize: expected a model with a chat template; load an Instruct model');
  }
  const headings = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) =>
    MARKDOWN.test(tokenizer.decode([id])),
  );
  /**
   * The template up to where a turn of this role begins. Contents hold no special text: turns with one are
   * rejected.
   */
  const opened = async (messages: readonly Message[], role: Message['role']): Promise<number[]> => {
    const text = await template.render([...messages, { role, content: HERE }]);
    const end = text.lastIndexOf(HERE);
    if (end < 0) throw new UnsupportedError('synthesize: expected a template that writes what it is given');
    return tokenizer.encode(text.slice(0, end), { addBos: false });
  };
  const written = async (ids: readonly number[], options: GenerateOptions, schema?: Json): Promise<Turn> => {
    const answer = smol.generate(ids, { ...options, ...(schema !== undefined && { schema }) });
    let step = await answer.next();
    while (!step.done) step = await answer.next();
    return { text: step.value.text, isEnded: step.value.finishReason === 'stop' };
  };
  const sampling = ({ avoidsMarkdown, ...options }: TurnOptions): GenerateOptions => ({
    ...options,
    contextOverflow: 'stop',
  });
  return {
    name: `smollm2 ${smol.model.engineName} engine`,
    templateTexts: tokenizer.specialTexts,
    async turn(messages, role, options) {
      const ids = await opened(messages, role);
      return written(ids, {
        ...sampling(options),
        ...(options.avoidsMarkdown && { constraint: notFirst(headings) }),
      });
    },
    async json(messages, schema, options) {
      const ids = await template.encode(tokenizer, messages, { addGenerationPrompt: true });
      const { text, isEnded } = await written(ids, sampling(options), schema as Json);
      if (!isEnded) return undefined;
      return JSON.parse(text);
    },
  };
}

/** Keeps an answer from beginning with one of these ids. */
function notFirst(ids: readonly number[]): GenerateOptions['constraint'] {
  let isFirst = true;
  return {
    mask: (scores) => {
      if (isFirst) for (const id of ids) scores[id] = Number.NEGATIVE_INFINITY;
    },
    accept: () => {
      isFirst = false;
    },
  };
}
