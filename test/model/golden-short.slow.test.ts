import { PROMPT_NAMES } from '../support/prompts.ts';
import { describeGoldenPrompts } from './golden.ts';

describeGoldenPrompts(PROMPT_NAMES.filter((name) => name !== 'long'));
