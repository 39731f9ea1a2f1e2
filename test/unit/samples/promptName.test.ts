import assert from 'node:assert/strict';
import { namePrompts } from '../../../src/samples/promptName';

/** Names of prompts that have the numbers of their lines for ids. */
function labels(...prompts: readonly string[]): string[] {
  const asked = prompts.map((prompt, at) => ({ promptId: String(at + 1), prompt }));
  const nameOf = namePrompts(asked);
  return asked.map(({ promptId }) => nameOf(promptId).label);
}

describe('what a prompt is called', () => {
  it('is its first line where its row is only numbered, else the name of the row', () => {
    const asked = [['17', 'Why?\nSay it.'], ['validation:12', 'How?'], ['-3', 'Where?'], ['5-2', 'Who?'], ['choreography', 'c h o :'], ['validation:psych', 'p s y :'], ['seed_task_0', 'Write.']] as const;
    const nameOf = namePrompts(asked.map(([promptId, prompt]) => ({ promptId, prompt })));
    const names = asked.map(([promptId]) => nameOf(promptId)).map(({ label, description }) => [label, description]);
    assert.deepEqual(names, [
      ['Why?', '17'], ['How?', 'validation:12'], ['Where?', '-3'], ['Who?', '5-2'],
      ['choreography', 'c h o :'], ['validation:psych', 'p s y :'], ['seed_task_0', 'Write.'],
    ]);
    assert.deepEqual(nameOf('18'), { label: '18', description: '' }, 'a prompt that nobody knows');
  });

  it('is what was asked, and not the template around it', () => {
    const alpaca = (instruction: string, about = ''): string =>
      `Below is an instruction that describes a task${about && ', paired with an input'}.\n\n### Instruction:\n${instruction}\n\n${about && `### Input:\n${about}\n\n`}### Response:\n`;
    assert.deepEqual(
      labels(alpaca('Name a river.'), alpaca('Translate.', 'Guten Tag'), alpaca('Translate.', 'Gute Nacht'), alpaca('Name a sea.')),
      ['Name a river.', 'Guten Tag', 'Gute Nacht', 'Name a sea.'],
    );
    const qwen = (asked: string): string => `<|im_start|>system\nYou are helpful.<|im_end|>\n<|im_start|>user\n${asked}<|im_end|>\n<|im_start|>assistant\n`;
    const llama = (asked: string): string => `<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n${asked}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n`;
    const gemma = (asked: string): string => `<bos><start_of_turn>user\n${asked}<end_of_turn>\n<start_of_turn>model\n`;
    const mistral = (asked: string): string => `<s>[INST] ${asked} [/INST]`;
    const deepseek = (asked: string): string => `<｜begin▁of▁sentence｜><｜User｜>${asked}<｜Assistant｜>`;
    for (const template of [qwen, llama, gemma, mistral, deepseek]) assert.deepEqual(labels(template('Why <b>?'), template('How?\nNow.')), ['Why <b>?', 'How?'], template.name);
    for (const template of [llama, gemma, mistral, deepseek]) assert.deepEqual(labels(template('Why?')), ['Why?'], `${template.name}, alone`);
  });

  it('is one line that obeys nothing, however long the prompt is, and never empty', () => {
    const [long, odd, none] = labels('lorem '.repeat(1e6), 'turned\u202e\u001b[2J', ' \n');
    assert.equal(long?.length, 80);
    assert.equal(odd, 'turned\\u{202e}\\u{1b}[2J');
    assert.equal(none, '3');
  });

  it('is found for a thousand prompts of a page each before anybody notices', () => {
    const page = Array.from({ length: 60 }, (_, line) => `Line ${line} of the page.`).join('\n');
    const started = performance.now();
    assert.equal(labels(...Array.from({ length: 1000 }, (_, at) => `${page}\nQuestion ${at}?`)).at(-1), 'Question 999?');
    assert.ok(performance.now() - started < 1000);
  });
});
