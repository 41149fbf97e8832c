// The debugger's other opinion: the same point by the float64 reference. Only for the nano model: the 135M takes 1 GB
// in float64.

import { load, type SmolLM2 } from 'smollm2';
import { nanoBytes } from './nano-file.ts';
import { makePicture } from './pictures.ts';
import type { PictureParams, PointPicture, Subject } from './protocol.ts';

let reference: Promise<SmolLM2> | undefined;

export async function withReference(
  smol: SmolLM2,
  subject: Subject,
  params: PictureParams,
): Promise<PointPicture> {
  const made = await makePicture('point', smol, subject, params);
  if (subject.model !== 'nano') return made;
  reference ??= nanoBytes().then((bytes) => load(bytes, { engine: 'reference' }));
  const exact = await makePicture('point', await reference, subject, { ...params, limit: undefined });
  return { ...made, reference: exact.cells };
}
