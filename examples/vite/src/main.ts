import { load } from 'smollm2';

const form = document.querySelector('form') as HTMLFormElement;
const button = form.querySelector('button') as HTMLButtonElement;
const answer = document.querySelector('pre') as HTMLPreElement;

const smol = await load('/model.gguf', {
  onDownload: (done, total = done) => (answer.textContent = `${Math.round((100 * done) / total)} %`),
});
answer.textContent = 'ready';
button.disabled = false;
form.onsubmit = async (event) => {
  event.preventDefault();
  answer.textContent = '';
  const question = String(new FormData(form).get('question'));
  for await (const { text } of smol.chat(question, { temperature: 0 })) answer.append(text);
};
