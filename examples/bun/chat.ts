// bun chat.ts "What is gravity?"
import { load } from 'smollm2';

const smol = await load('135m');
const question = Bun.argv[2] ?? 'What is gravity?';
const out = Bun.stdout.writer();
for await (const { text } of smol.chat(question, { temperature: 0 })) {
  out.write(text);
  out.flush();
}
await smol.close();
