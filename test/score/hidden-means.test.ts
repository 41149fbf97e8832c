import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/run/load.ts';
import { hiddenMean, hiddenMeansOf } from '../../src/score/hidden-means.ts';
import { tinyCheckpoint, tinyModel } from '../support/tiny-models.ts';

const encoder = { encode: (text: string) => [...text].map((character) => character.charCodeAt(0) % 90) };
const TEXT = 'a text of more than twelve ids';
const OPTIONS = { numIds: 12 };

describe('the mean of hidden states', () => {
  it('after each layer from one watched pass is that of a pass for each, bit for bit', async () => {
    const model = await tinyModel('gqa');
    const layers = Array.from({ length: model.config.numLayers }, (_, l) => l + 1);
    const watched = await hiddenMeansOf(model, encoder, TEXT, layers, OPTIONS);
    for (const [n, layer] of layers.entries())
      expect(watched[n]).toEqual(await hiddenMean(model, encoder, TEXT, layer, OPTIONS));
    await model.close();
  });

  it('needs no block above its own, and reads the first ids and those in the middle, no others', async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const whole = await loadModel(checkpoint, { engine: 'reference' });
    const config = { ...checkpoint.config, numLayers: 1 };
    const cut = await loadModel({ ...checkpoint, config }, { engine: 'reference' });
    const expected = await hiddenMean(whole, encoder, TEXT, 1, OPTIONS);
    expect(await hiddenMean(cut, encoder, TEXT, 1, OPTIONS)).toEqual(expected);
    const meanOf = (text: string) => hiddenMean(whole, encoder, text, 1, OPTIONS);
    // 30 ids: 0 to 11 and 9 to 20.
    expect(await meanOf(`${TEXT.slice(0, 21)}OTHER IDS`)).toEqual(expected);
    expect(await meanOf(`${TEXT.slice(0, 20)}OTHER IDS!`)).not.toEqual(expected);
    const [first, middle] = await Promise.all([meanOf(TEXT.slice(0, 12)), meanOf(TEXT.slice(9, 21))]);
    for (const [i, value] of expected.entries()) expect(value).toBeCloseTo((first[i] + middle[i]) / 2, 12);
    expect(expected.some((value) => value !== 0)).toBe(true);
    await Promise.all([whole.close(), cut.close(), checkpoint.close()]);
  });

  it('is zeros for no text, and a layer that is not there is refused', async () => {
    const model = await tinyModel('gqa');
    const nothing = new Float64Array(model.config.hiddenSize);
    expect(await hiddenMean(model, encoder, '', 1, OPTIONS)).toEqual(nothing);
    expect(await hiddenMeansOf(model, encoder, '', [1], OPTIONS)).toEqual([nothing]);
    for (const layer of [0, model.config.numLayers + 1, 1.5])
      await expect(hiddenMeansOf(model, encoder, TEXT, [layer], OPTIONS)).rejects.toThrow(
        'layers: expected 1 to',
      );
    await expect(hiddenMean(model, encoder, TEXT, 99, OPTIONS)).rejects.toThrow('layer: expected');
    await model.close();
  });
});
