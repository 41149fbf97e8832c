import { SHORT_PROMPTS } from '../support/prompts.ts';
import { describeGoldenPrompts } from './golden.ts';

describeGoldenPrompts(SHORT_PROMPTS);
