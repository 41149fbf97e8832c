import { describeGoldenPrompts } from './golden.ts';

describeGoldenPrompts(['long']);
