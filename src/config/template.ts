/** A config to start from: what must be said, with a word on each; everything else has a default that the editor shows. */
export function newConfigText(name: string): string {
  const json = JSON.stringify(name);
  return `{
  "name": ${json},

  // A Hugging Face id, or a folder relative to this file. Teacher and student must share a vocabulary.
  "teacher": { "model": "gpt2-xl" },
  "student": { "model": "gpt2" },

  // One row a line: {"prompt": "…", "response": "…"}, {"instruction": "…", "input": "…", "output": "…"} or {"messages": […]}.
  "data": {
    "train": "data/train.jsonl",
    "validation": "data/valid.jsonl",
    "template": "alpaca"
  },

  // Where the method's switches come from: "recommended", "paper" (as printed) or "reference" (as published).
  "preset": "recommended",

  "phases": [
    // The student first learns the form of an answer …
    { "method": "sft", "epochs": 1 },
    // … then to answer as the teacher would, on texts that it writes itself.
    { "method": "minillm", "steps": 1000 }
  ]
}
`;
}
