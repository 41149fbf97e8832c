'use client';

import { useEffect } from 'react';
import { run } from '../../page.js';

export default function Page() {
  useEffect(() => {
    globalThis.run = run;
  }, []);
  return null;
}
