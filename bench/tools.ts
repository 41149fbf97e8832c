// `npm run bench:tools [-- --model M]`: what a model makes of tools. Twenty-four requests of our own that one tool
// answers and twelve that none does: is the right tool called, with the right arguments, and only where one is needed?

import { parseArgs } from 'node:util';
import { load } from '../src/node/index.ts';
import { app } from '../src/server/app.ts';
import { benchModel } from './weights.ts';

interface Case {
  readonly ask: string;
  readonly tool: keyof typeof PARAMETERS;
  /** What the arguments must hold, lower case, by name. */
  readonly args: Readonly<Record<string, string | number>>;
}

const text = { type: 'string', maxLength: 60 };
const PARAMETERS = {
  weather: { description: 'The weather in a city', properties: { city: text } },
  set_timer: {
    description: 'Start a timer',
    properties: { minutes: { type: 'integer', minimum: 1, maximum: 600 } },
  },
  translate: {
    description: 'Translate a text into another language',
    properties: { text, language: { enum: ['French', 'German', 'Spanish'] } },
  },
  play_music: { description: 'Play a song', properties: { song: text } },
} as const;

const CASES: readonly Case[] = [
  { ask: 'What is the weather in Paris?', tool: 'weather', args: { city: 'paris' } },
  { ask: 'Will it rain in London today?', tool: 'weather', args: { city: 'london' } },
  { ask: 'How warm is it in Cairo?', tool: 'weather', args: { city: 'cairo' } },
  { ask: 'Do I need a coat in Oslo?', tool: 'weather', args: { city: 'oslo' } },
  { ask: 'Tell me the weather in New York.', tool: 'weather', args: { city: 'new york' } },
  { ask: 'Is it sunny in Rome?', tool: 'weather', args: { city: 'rome' } },
  { ask: 'Set a timer for 10 minutes.', tool: 'set_timer', args: { minutes: 10 } },
  { ask: 'Start a timer of 25 minutes.', tool: 'set_timer', args: { minutes: 25 } },
  { ask: 'Wake me in 45 minutes.', tool: 'set_timer', args: { minutes: 45 } },
  { ask: 'Remind me in 5 minutes.', tool: 'set_timer', args: { minutes: 5 } },
  { ask: 'My eggs need 7 minutes, count them down.', tool: 'set_timer', args: { minutes: 7 } },
  { ask: 'I want a timer for half an hour.', tool: 'set_timer', args: { minutes: 30 } },
  {
    ask: 'Translate "good morning" into French.',
    tool: 'translate',
    args: { text: 'good morning', language: 'french' },
  },
  {
    ask: 'How do you say "thank you" in German?',
    tool: 'translate',
    args: { text: 'thank you', language: 'german' },
  },
  {
    ask: 'What is "the red house" in Spanish?',
    tool: 'translate',
    args: { text: 'the red house', language: 'spanish' },
  },
  {
    ask: 'Translate "I am hungry" into Spanish.',
    tool: 'translate',
    args: { text: 'i am hungry', language: 'spanish' },
  },
  { ask: 'Say "good night" in French.', tool: 'translate', args: { text: 'good night', language: 'french' } },
  {
    ask: 'Put "where is the station" into German.',
    tool: 'translate',
    args: { text: 'where is the station', language: 'german' },
  },
  { ask: 'Play the song Yesterday.', tool: 'play_music', args: { song: 'yesterday' } },
  { ask: 'I want to hear Bohemian Rhapsody.', tool: 'play_music', args: { song: 'bohemian rhapsody' } },
  { ask: 'Put on the song Imagine, please.', tool: 'play_music', args: { song: 'imagine' } },
  { ask: 'Play Hotel California.', tool: 'play_music', args: { song: 'hotel california' } },
  { ask: 'Let me listen to Yellow Submarine.', tool: 'play_music', args: { song: 'yellow submarine' } },
  { ask: 'Could you play Moon River?', tool: 'play_music', args: { song: 'moon river' } },
];

/** Requests that no tool answers. */
const PLAIN = [
  'What is gravity?',
  'Why is the sky blue?',
  'Write one sentence about the sea.',
  'What is 2 plus 2?',
  'Who wrote Hamlet?',
  'Name three colors.',
  'Hello, how are you?',
  'What is a mammal?',
  'Give me a word that rhymes with cat.',
  'What do bees make?',
  'Is ice cold?',
  'What comes after Monday?',
];

const { values } = parseArgs({ options: { model: { type: 'string' } } });
const smol = await load(values.model ?? (await benchModel()).path, { maxSeqLen: 2048 });
const server = app(smol);
await server.ready();

const toolOf = (name: keyof typeof PARAMETERS) => {
  const { description, properties } = PARAMETERS[name];
  const required = Object.keys(properties);
  const parameters = { type: 'object', properties, required, additionalProperties: false };
  return { type: 'function', function: { name, description, parameters } };
};
const ALL = (Object.keys(PARAMETERS) as (keyof typeof PARAMETERS)[]).map(toolOf);

interface Called {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The first call of a greedy answer, if there is one. */
async function callOf(ask: string, more: object): Promise<Called | undefined> {
  const messages = [{ role: 'user', content: ask }];
  const body = JSON.stringify({ messages, tools: ALL, temperature: 0, max_tokens: 96, ...more });
  const response = await server.fetch(
    new Request('http://localhost/v1/chat/completions', { method: 'POST', body }),
  );
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  const [call] = answer.choices[0].message.tool_calls ?? [];
  // A call that max_tokens cut is none.
  if (!call || answer.choices[0].finish_reason === 'length') return undefined;
  return { name: call.function.name, args: JSON.parse(call.function.arguments) };
}

const isRight = (called: Called | undefined, { tool, args }: Case) =>
  called?.name === tool &&
  Object.entries(args).every(
    ([name, value]) => String(called.args[name]).toLowerCase().trim() === String(value),
  );

const rows: [string, number, number, number][] = [];

async function asked(name: string, more: (one: Case) => object): Promise<void> {
  const found = await Promise.all(CASES.map((one) => callOf(one.ask, more(one))));
  const rightTools = found.filter((called, n) => called?.name === CASES[n].tool).length;
  const rightArgs = found.filter((called, n) => isRight(called, CASES[n])).length;
  rows.push([name, CASES.length, rightTools, rightArgs]);
  for (const [n, called] of found.entries()) {
    if (isRight(called, CASES[n])) continue;
    console.error(
      `${name}: ${CASES[n].ask} ${called ? `${called.name} ${JSON.stringify(called.args)}` : 'no call'}`,
    );
  }
}

await asked('the tool is named', ({ tool }) => ({
  tool_choice: { type: 'function', function: { name: tool } },
}));
await asked('only the right tool is offered, `required`', ({ tool }) => ({
  tools: [toolOf(tool)],
  tool_choice: 'required',
}));
await asked('four tools, `required`', () => ({ tool_choice: 'required' }));
await asked('four tools, `auto`', () => ({}));
const needless = await Promise.all(PLAIN.map((ask) => callOf(ask, {})));
console.log('| | requests | right tool | right arguments too |\n| --- | ---: | ---: | ---: |');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
console.log(
  `\n${needless.filter(Boolean).length} of ${PLAIN.length} requests that need no tool were answered with a call (\`auto\`)`,
);
await smol.close();
