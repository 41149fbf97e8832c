import type { GenerationResult } from '../generate/generate.ts';

/**
 * What answers took. The prompt of several choices counts once, and what of it was in a cache is what the first found.
 */
export function usageOf(results: readonly GenerationResult[], numPrompts = 1): object {
  const perPrompt = results.length / numPrompts;
  const firsts = results.filter((_, i) => i % perPrompt === 0);
  const prompt = firsts.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
  const cached = firsts.reduce((sum, { usage }) => sum + usage.cachedTokens, 0);
  const completion = results.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}
