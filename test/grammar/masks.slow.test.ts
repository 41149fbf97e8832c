import { it } from 'vitest';
import { expectKeptMasks } from './kept-masks.ts';
import { SCHEMA_CASES } from './schema-cases.ts';
import { SCHEMA_CASES_2020 } from './schema-cases-2020.ts';

it.each([...SCHEMA_CASES, ...SCHEMA_CASES_2020])('gives kept masks as new ones: $name', expectKeptMasks);
