/**
 * A config to start from: what must be said, with a word on each; everything else has a default that the editor shows. Both models
 * have learned to answer already, have one vocabulary to the last entry, and train on one GPU. The README shows the same text.
 */
export function newConfigText(name: string): string {
  const json = JSON.stringify(name);
  return `{
  "name": ${json},

  // A Hugging Face id, or a folder relative to this file. Teacher and student must share a vocabulary.
  "teacher": { "model": "Qwen/Qwen2.5-1.5B-Instruct" },
  "student": { "model": "Qwen/Qwen2.5-0.5B-Instruct" },

  // One row a line: {"prompt": "…", "response": "…"}, {"instruction": "…", "input": "…", "output": "…"} or {"messages": […]}.
  "data": {
    "train": "train.jsonl",
    "validation": "valid.jsonl",
    // As both models were taught to chat; "plain" or "alpaca" for models that were not.
    "template": "chat"
  },

  "phases": [
    // The student first learns the form of an answer …
    { "method": "sft", "epochs": 1 },
    // … then to answer as the teacher would, on texts that it writes itself. For this, "prompts" may name rows without answers.
    { "method": "minillm", "steps": 1000 }
  ]
}
`;
}
