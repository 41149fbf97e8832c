// Which of IFEval's 25 instructions cannot stand together (google-research/instruction_following_eval,
// INSTRUCTION_CONFLICTS): each with itself, and the pairs below, both ways.

import { INSTRUCTION_KINDS } from '../../eval/instructions.ts';

const ONE_WAY: Readonly<Record<string, readonly string[]>> = {
  'language:response_language': [
    'detectable_format:multiple_sections',
    'keywords:existence',
    'keywords:frequency',
    'keywords:forbidden_words',
    'startend:end_checker',
    'change_case:english_capital',
    'change_case:english_lowercase',
  ],
  'length_constraints:number_paragraphs': [
    'length_constraints:nth_paragraph_first_word',
    'length_constraints:number_sentences',
  ],
  'detectable_format:multiple_sections': ['detectable_format:number_highlighted_sections'],
  'change_case:capital_word_frequency': ['change_case:english_lowercase', 'change_case:english_capital'],
  'change_case:english_lowercase': ['change_case:english_capital'],
  'startend:quotation': ['detectable_format:title'],
  'detectable_format:constrained_response': INSTRUCTION_KINDS,
  'detectable_format:json_format': allBut('keywords:forbidden_words', 'keywords:existence'),
  'combination:two_responses': allBut(
    'keywords:forbidden_words',
    'keywords:existence',
    'language:response_language',
    'detectable_format:title',
    'punctuation:no_comma',
  ),
  'combination:repeat_prompt': allBut(
    'keywords:existence',
    'detectable_format:title',
    'punctuation:no_comma',
  ),
};

/** Whether two instructions of one prompt exclude each other; one and the same always does. */
export function conflict(a: string, b: string): boolean {
  return a === b || (ONE_WAY[a]?.includes(b) ?? false) || (ONE_WAY[b]?.includes(a) ?? false);
}

function allBut(...kinds: readonly string[]): readonly string[] {
  return INSTRUCTION_KINDS.filter((kind) => !kinds.includes(kind));
}
