// deno run -A chat.ts "What is gravity?"
import { load } from 'smollm2';

const smol = await load('135m');
const question = Deno.args[0] ?? 'What is gravity?';
const encoder = new TextEncoder();
for await (const { text } of smol.chat(question, { temperature: 0 })) {
  await Deno.stdout.write(encoder.encode(text));
}
await smol.close();
