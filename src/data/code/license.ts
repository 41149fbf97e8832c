// Which licence a text is, by what only that licence says: enough for LICENSE files of source repositories. A file may
// also name its own (SPDX-License-Identifier). What is not known for certain is no licence.

/** The first that fits wins: those that quote others stand before them. */
const PHRASES: readonly (readonly [spdx: string, ...phrases: RegExp[]])[] = [
  ['AGPL-3.0', /gnu affero general public license/, /version 3/],
  ['LGPL-3.0', /gnu lesser general public license/, /version 3/],
  ['LGPL-2.1', /gnu lesser general public license/, /version 2\.1/],
  ['GPL-3.0', /gnu general public license/, /version 3/],
  ['GPL-2.0', /gnu general public license/, /version 2/],
  ['MPL-2.0', /mozilla public license,? (?:version|v\.) ?2\.0/],
  ['EPL-2.0', /eclipse public license - v 2\.0/],
  ['Apache-2.0', /apache license/, /version 2\.0/],
  ['BSL-1.0', /boost software license - version 1\.0/],
  ['CC0-1.0', /cc0 1\.0 universal/],
  ['CC-BY-4.0', /attribution 4\.0 international/],
  ['Unlicense', /this is free and unencumbered software released into the public domain/],
  ['BSD-3-Clause', /redistribution and use in source and binary forms/, /endorse or promote products/],
  ['BSD-2-Clause', /redistribution and use in source and binary forms/],
  ['ISC', /permission to use, copy, modify, and\/or distribute this software for any purpose/],
  ['Zlib', /this software is provided 'as-is'/, /altered source versions must be plainly marked/],
  ['MIT', /permission is hereby granted, free of charge, to any person obtaining a copy/],
];

/** A file's own line, in its first characters. */
const SPDX_LINE = /SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*)/;
const HEAD_UNITS = 4096;

/** The SPDX name of a licence text, undefined for one that is not known. */
export function licenseOfText(text: string): string | undefined {
  const plain = text.slice(0, 100_000).toLowerCase().replace(/\s+/g, ' ');
  return PHRASES.find(([, ...phrases]) => phrases.every((phrase) => phrase.test(plain)))?.[0];
}

/** What a source file says of itself. */
export function licenseLine(text: string): string | undefined {
  return SPDX_LINE.exec(text.slice(0, HEAD_UNITS))?.[1];
}
