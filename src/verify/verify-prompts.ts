// What `verify` asks: texts that show a tokenizer's traps, a passage long enough for positions to matter, and
// conversations that show a chat template's.

import type { TextMessage } from '../chat/message.ts';

/** Continued as they are. */
export const VERIFY_TEXTS: readonly string[] = [
  'The capital of France is',
  'def fibonacci(n):\n    if n < 2:\n        return n\n    return',
  '12345 + 67890 = 80235, and 2024-11-24 is a date in',
  'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 東京は日本の首都です。 Emoji: 🙂👍🏽 and',
  '  two  spaces,\ttabs\n\n\nand newlines \n  end with a word',
  'In the beginning there was a small village at the foot of a mountain. Every morning the baker opened his shop ' +
    'before the sun came up, and every evening the blacksmith closed his after it had gone down. Between the two ' +
    'of them the whole day of the village passed. People came for bread, for nails, for news, and for advice. One ' +
    'day a stranger arrived who wanted neither bread nor nails. She asked the baker for the oldest story he knew, ' +
    'and the blacksmith for the newest. The baker thought for a long time, put down his flour, and began: "When ' +
    'my grandmother was a girl, the river ran on the other side of the village, and the',
];

/** A story of whole sentences, the same in every run: about 24 tokens to a sentence. */
function longText(numSentences: number): string {
  const people = [
    'the miller',
    'the old teacher',
    'a travelling smith',
    'the youngest sister',
    'the ferryman',
  ];
  const things = ['a sack of barley', 'three copper coins', 'a letter with a red seal', 'an empty birdcage'];
  const places = [
    'under the bridge',
    'behind the school',
    'at the market gate',
    'near the frozen lake',
    'by the well',
  ];
  const sentences = Array.from({ length: numSentences }, (_, n) => {
    const [who, what, where] = [people[n % 5], things[(n * 3) % 4], places[(n * 2) % 5]];
    const whom = people[(n * 2 + 1) % 5];
    return `On day ${n + 1} of that winter ${who} carried ${what} to ${whom}, who was waiting ${where}.`;
  });
  return `${sentences.join(' ')} On the last day of that winter`;
}

/** Texts of about 600 and 2,000 tokens: wrong rotations hardly show in short ones. */
export const LONG_TEXTS: readonly string[] = [longText(22), longText(74)];

/**
 * Answered through the chat template; the first has no system message, where SmolLM2's template puts its own.
 */
export const VERIFY_CHATS: readonly (readonly TextMessage[])[] = [
  [{ role: 'user', content: 'What is gravity?' }],
  [
    { role: 'system', content: 'You answer in one short sentence.' },
    { role: 'user', content: 'Why is the sky blue?' },
  ],
  [
    { role: 'user', content: 'Name a colour.' },
    { role: 'assistant', content: 'Green.' },
    { role: 'user', content: 'Name a fruit of that colour.' },
  ],
];

/** Ways in which servers render a conversation wrongly, to be told apart by what they answer. */
export const WRONG_TEMPLATES: Readonly<Record<string, (messages: readonly TextMessage[]) => string>> = {
  'ChatML without the default system message': (messages) => `${chatml(messages)}<|im_start|>assistant\n`,
  'no generation prompt': (messages) => chatml(messages),
  'the last message alone, without a template': (messages) => messages.at(-1)?.content ?? '',
  'Llama 2 ([INST] … [/INST])': (messages) =>
    messages
      .map(({ role, content }) =>
        role === 'assistant'
          ? ` ${content} `
          : role === 'system'
            ? `<<SYS>>\n${content}\n<</SYS>>\n\n`
            : `[INST] ${content} [/INST]`,
      )
      .join(''),
  'Llama 2 with its begin token': (messages) =>
    `<s>[INST] ${messages
      .map(({ role, content }) => (role === 'system' ? `<<SYS>>\n${content}\n<</SYS>>\n\n` : content))
      .join(' ')} [/INST]`,
  'Alpaca (### Instruction)': (messages) =>
    `${messages
      .map(({ role, content }) => `### ${role === 'assistant' ? 'Response' : 'Instruction'}:\n${content}\n\n`)
      .join('')}### Response:\n`,
  'Vicuna (USER: … ASSISTANT:)': (messages) =>
    `${messages
      .map(({ role, content }) => (role === 'system' ? content : `${role.toUpperCase()}: ${content}`))
      .join(' ')} ASSISTANT:`,
};

function chatml(messages: readonly TextMessage[]): string {
  return messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
}
