// Generated from schemas/ by `npm run generate`. Do not edit.

export type Event =
  | StartEvent
  | PhaseEvent
  | StepEvent
  | RolloutEvent
  | SamplesEvent
  | CheckpointEvent
  | EvaluationEvent
  | AlertEvent
  | ControlEvent
  | ResumeEvent
  | MessageEvent
  | ProgressEvent
  | EndEvent;

export interface ControlOutcome {
  v: number;
  id: string;
  /**
   * Of what was refused it may be any word.
   */
  verb: string;
  args: {
    [k: string]: string | number | boolean | undefined;
  };
  /**
   * Who asks: `panel`, `palette`, `cli`, …
   */
  by: string;
  t: number;
  outcome: 'done' | 'refused' | 'interrupted';
  text: string;
}
export interface ControlRequest {
  v: number;
  id: string;
  verb: 'stop' | 'kill' | 'pause' | 'continue' | 'checkpoint' | 'evaluate';
  args: {
    [k: string]: string | number | boolean | undefined;
  };
  /**
   * Who asks: `panel`, `palette`, `cli`, …
   */
  by: string;
  t: number;
}
export interface AlertEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'alert';
  step: number;
  /**
   * Name of the guard in the config.
   */
  rule: string;
  level: 'info' | 'warning' | 'error';
  /**
   * One sentence, with the numbers.
   */
  text: string;
  /**
   * What is done about it.
   */
  action: string;
  /**
   * What was measured, and the threshold (`limit`).
   */
  numbers: {
    [k: string]: number | undefined;
  };
  /**
   * Responses that show it, as text.
   */
  samples: string[];
}
export interface CheckpointEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'checkpoint';
  step: number;
  name: string;
  path: string;
  bytes: number;
  seconds: number;
  phase: string;
}
export interface ControlEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'control';
  step: number;
  id: string;
  verb: string;
  outcome: 'done' | 'refused';
  /**
   * One sentence.
   */
  text: string;
}
export interface EndEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'end';
  reason: 'finished' | 'stopped' | 'failed' | 'bad input';
  exitCode: number;
  step: number;
  /**
   * The last cause of a failure, in one line.
   */
  cause: string | null;
}
export interface EvaluationEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'evaluation';
  step: number;
  checkpoint: string;
  /**
   * `control`: the start of distillation, sampled at the temperature that gives it the final student's entropy.
   */
  subject: 'student' | 'teacher' | 'control';
  /**
   * All final rows, or the fixed subset that is scored at each checkpoint.
   */
  full: boolean;
  rows: number;
  temperature: number;
  metrics: {
    [k: string]: number | undefined;
  };
  path: string;
}
export interface MessageEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'message';
  level: 'info' | 'warning' | 'error';
  text: string;
  /**
   * Of a note from the checks at the start: JSON pointer into the config.
   */
  pointer: string | null;
}
export interface PhaseEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'phase';
  index: number;
  method: string;
  firstStep: number;
  steps: number;
}
export interface PhasePlan {
  method: string;
  /**
   * Global step of the phase's first optimizer step, from 1.
   */
  firstStep: number;
  steps: number;
}
export interface ProgressEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'progress';
  what: string;
  done: number;
  total: number | null;
  unit: string;
}
export interface ResumeEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'resume';
  step: number;
  checkpoint: string;
}
export interface RolloutEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'rollout';
  step: number;
  phase: number;
  round: number;
  metrics: {
    [k: string]: number | undefined;
  };
}
export interface SamplesEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'samples';
  step: number;
  /**
   * Name of the checkpoint, or `teacher`.
   */
  checkpoint: string;
  /**
   * Relative to the run folder.
   */
  path: string;
  count: number;
  /**
   * Size of the lines.
   */
  bytes: number;
  /**
   * Size of their token detail; 0 without it.
   */
  tokenBytes: number;
}
export interface StartEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'start';
  device: string;
  precision: string;
  threads: number;
  versions: {
    [k: string]: string | undefined;
  };
  /**
   * Parameter counts of `teacher` and `student`.
   */
  parameters: {
    [k: string]: number | undefined;
  };
  vocabulary: number;
  /**
   * Rows in use: `train`, `prompts`, `validation`, `inspect` (prompts that are sampled), and how many were left out (`tooLong`).
   */
  rows: {
    [k: string]: number | undefined;
  };
  plan: PhasePlan[];
  total: number;
}
export interface StepEvent {
  v: number;
  /**
   * Grows by one for the run's whole life.
   */
  seq: number;
  /**
   * Unix time.
   */
  t: number;
  attempt: number;
  kind: 'step';
  /**
   * Global step, from 1.
   */
  step: number;
  phase: number;
  metrics: {
    [k: string]: number | undefined;
  };
}
export interface Exit {
  v: number;
  run: string;
  attempt: number;
  t: number;
  exitCode: number;
  reason: 'finished' | 'stopped' | 'failed' | 'bad input';
  cause: string | null;
}
export interface JournalEntry {
  v: number;
  seq: number;
  t: number;
  attempt: number;
  kind: 'state' | 'control' | 'signal' | 'exit' | 'message' | 'alert';
  /**
   * One sentence.
   */
  text: string;
  /**
   * Of an alert: name of the guard in the config.
   */
  rule: string | null;
  /**
   * Of an alert: what was measured, and the threshold (`limit`).
   */
  numbers: {
    [k: string]: number | undefined;
  } | null;
  state:
    | (
        | 'queued'
        | 'starting'
        | 'running'
        | 'paused'
        | 'stopping'
        | 'stalled'
        | 'finished'
        | 'failed'
        | 'stopped'
        | 'lost'
        | 'unknown'
      )
    | null;
  /**
   * Id of the request.
   */
  control: string | null;
  verb: string | null;
  outcome: string | null;
  signal: string | null;
  exitCode: number | null;
}
export interface CheckRow {
  name: string;
  health: 'good' | 'warning' | 'bad';
  text: string;
}
export interface Checkpoints {
  /**
   * Steps between checkpoints. Default: twenty over the whole run.
   */
  every: number | null;
  /**
   * How many checkpoints to keep besides the first, the last and the best. Default: all.
   */
  keep: number | null;
  /**
   * Metric that chooses the best checkpoint.
   */
  best: string;
}
export interface ClipShare {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * Share of clipped tokens, on average over the last ten steps.
   */
  above: number;
}
export interface Config {
  /**
   * Address of this schema; editors use it.
   */
  $schema: string | null;
  /**
   * Name of the run, shown everywhere.
   */
  name: string;
  teacher: Teacher;
  student: Student;
  data: Data;
  /**
   * Where the switches that you leave out come from: our choice, the paper's text, or its published code.
   */
  preset: 'recommended' | 'paper' | 'reference';
  /**
   * What is done, in order. A step counts from the start of the run, across phases.
   *
   * @minItems 1
   */
  phases: [
    SftPhase | KdPhase | RklPhase | SeqKdPhase | GkdPhase | OpdPhase | DistillmPhase | MiniLlmPhase,
    ...(SftPhase | KdPhase | RklPhase | SeqKdPhase | GkdPhase | OpdPhase | DistillmPhase | MiniLlmPhase)[]
  ];
  inspect: Inspect;
  evaluation: Evaluation;
  checkpoints: Checkpoints;
  guards: Guards;
  /**
   * Where to compute: `auto` (cuda, else mps, else cpu), `cuda` (a GPU that no other run uses, if there is one), `cuda:1` (that GPU), `mps`, `cpu`.
   */
  device:
    | 'auto'
    | 'cuda'
    | 'mps'
    | 'cpu'
    | 'cuda:0'
    | 'cuda:1'
    | 'cuda:2'
    | 'cuda:3'
    | 'cuda:4'
    | 'cuda:5'
    | 'cuda:6'
    | 'cuda:7';
  /**
   * Wait until no earlier run uses the same device. `auto`: for a GPU, not for the CPU.
   */
  queue: 'auto' | 'always' | 'never';
  /**
   * How often the run is started again from its newest complete checkpoint after a crash. Not after bad input, a stop, or the same failure at the same step.
   */
  restarts: number;
  /**
   * `auto`: bf16 on a GPU that has it, else fp32. Losses are always fp32.
   */
  precision: 'auto' | 'fp32' | 'bf16';
  /**
   * On an NVIDIA GPU, decode by replaying CUDA graphs: a step's kernels are launched as one, which small models and small batches, where a step is mostly launching, gain most by. For models all of whose layers keep all keys and values, with torch's own attention (GPT-2, OPT, NeoX, Phi, Llama, Qwen, …); a graph that does not give what the model gives is not used, and the run says so. Not measured on a device yet: `npm run bench:gpu` compares.
   */
  cudaGraphs: boolean;
  /**
   * CPU threads. Default: all cores that this process may use.
   */
  threads: number | null;
  /**
   * Seed of every random draw of the run.
   */
  seed: number;
  /**
   * Where run folders are made, relative to the workspace. Of a config that names none, the editor's setting `minillm.runsFolder` says it.
   */
  runsFolder: string;
}
export interface Teacher {
  /**
   * A Hugging Face model id, or a folder (relative to this file) with config.json, tokenizer and safetensors weights.
   */
  model: string;
  /**
   * Branch, tag or commit on the model hub. Ignored for a folder.
   */
  revision: string | null;
  /**
   * Run Python code that comes with the model. Only for models whose code you have read.
   */
  trustRemoteCode: boolean;
  /**
   * Also load weights from pytorch_model.bin, a pickle, where there are no safetensors. Only for models whose source you trust.
   */
  allowPickle: boolean;
  /**
   * Of the teacher's passes in training. `same`: as `precision` says. `bf16`: a second copy of the teacher reads the rollouts, on an AMD processor with AVX512-BF16 in about 0.6 of the time, on an Intel one that has it but no AMX in 1.2 of it. `auto`: that, where a short measurement shows it faster and its distribution hardly moves. Evaluation stays with the first; what the copy changes is measured and told at the start.
   */
  precision: 'same' | 'bf16' | 'auto';
  /**
   * Leave the GPU while the student learns: but for the head, the teacher's weights wait in the machine's memory between two rounds of sampling, and come back at the speed of the bus (about a second for 20 GB). The results are the same. For phases whose teacher reads nothing but rollouts: `opd`, `gkd` with `onPolicyShare` 1, and `minillm` unless `lmTeacherShare` has it read a corpus; in others the teacher stays, as on a CPU.
   */
  offload: boolean;
}
export interface Student {
  /**
   * A Hugging Face model id or a folder. With `"init": "random"` the folder needs only a config.json.
   */
  model: string;
  /**
   * Start from the model's weights, or from random ones drawn with `seed`.
   */
  init: 'weights' | 'random';
  /**
   * Where the tokenizer comes from when the student has none: a model id, a folder, or `"teacher"`.
   */
  tokenizer: string | null;
  /**
   * Branch, tag or commit on the model hub. Ignored for a folder.
   */
  revision: string | null;
  /**
   * Run Python code that comes with the model. Only for models whose code you have read.
   */
  trustRemoteCode: boolean;
  /**
   * Also load weights from pytorch_model.bin, a pickle, where there are no safetensors. Only for models whose source you trust.
   */
  allowPickle: boolean;
  /**
   * Train low-rank corrections of the linear layers in place of all weights: optimizer and gradients take a small part of the memory. Checkpoints are whole models.
   */
  lora: Lora | null;
  /**
   * Gradient checkpointing: activations are computed again in the backward pass. Far less memory, a third more time for an update, the same result.
   */
  recompute: boolean;
}
export interface Lora {
  /**
   * Rank of each correction.
   */
  rank: number;
  /**
   * A correction is scaled by alpha / rank.
   */
  alpha: number;
}
export interface Data {
  /**
   * Rows to train on: .jsonl or .jsonl.gz. Each row is `{"prompt","response"}` (or `responses`), `{"instruction","input","output"}` or `{"messages"}`.
   */
  train: string;
  /**
   * Rows to score checkpoints on. Never trained on.
   */
  validation: string | null;
  /**
   * Plain text for the language-modelling term (L_PT): .txt, or .jsonl rows with `text`.
   */
  corpus: string | null;
  /**
   * How a row becomes text. `plain`: prompt and response as they are; `alpaca`: the instruction wording of the paper; `chat`: the tokenizer's chat template.
   */
  template: 'plain' | 'alpaca' | 'chat';
  /**
   * Token that ends a response, where models end their turns with another one than their tokenizer's end token: `<end_of_turn>` of Gemma, `<|end|>` of Phi. The tokenizer that checkpoints bring has it as its end token. Default: the tokenizer's.
   */
  endToken: string | null;
  /**
   * Rows whose prompt is longer are left out (and counted).
   */
  maxPromptTokens: number;
  /**
   * Longest response, in tokens: for rollouts, samples and evaluation.
   */
  maxNewTokens: number;
}
export interface SftPhase {
  /**
   * Supervised fine-tuning: cross-entropy on the responses.
   */
  method: 'sft';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Passes over the rows. Give `epochs` or `steps`.
   */
  epochs: number | null;
  /**
   * Optimizer steps. Give `epochs` or `steps`.
   */
  steps: number | null;
  /**
   * Rows for this phase alone, in place of `data.train`.
   */
  train: string | null;
}
export interface Optimizer {
  /**
   * Peak learning rate of AdamW. Default: 0.0005 for methods on given responses and `distillm`, 0.00005 for `gkd` and `opd`, 0.000005 for `minillm`, 0.0001 or more with LoRA, and 0.001 for a student with random weights.
   */
  learningRate: number | null;
  /**
   * Exponential decay of AdamW's first and second moment.
   *
   * @minItems 2
   * @maxItems 2
   */
  betas: [unknown, unknown];
  /**
   * Decoupled weight decay, on matrices only.
   */
  weightDecay: number;
  /**
   * The gradient is scaled down to this global norm.
   */
  maxGradNorm: number;
  /**
   * Share of the phase's steps over which the learning rate rises from 0.
   */
  warmup: number;
  /**
   * Course of the learning rate after the warm-up.
   */
  schedule: 'constant' | 'linear' | 'cosine';
  /**
   * Learning rate at the end of the phase, as a share of the peak (`linear` and `cosine`).
   */
  finalLearningRate: number;
}
export interface KdPhase {
  /**
   * Word-level distillation: on given responses, the student's next-token distribution is drawn to the teacher's.
   */
  method: 'kd';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Passes over the rows. Give `epochs` or `steps`.
   */
  epochs: number | null;
  /**
   * Optimizer steps. Give `epochs` or `steps`.
   */
  steps: number | null;
  /**
   * What is kept in the machine's memory of the teacher's one reading of the responses. `states`: its last hidden states, to which its head is applied, exact; `topTokens`: its likeliest tokens and one bucket for all others, for large models; `off`: it reads at every step. `auto`: `states`, where there is more than one pass and they take at most 1 GiB.
   */
  teacherCache: 'auto' | 'off' | 'states' | 'topTokens';
  /**
   * Of `topTokens`: how many tokens are kept at each place.
   */
  cacheTokens: number;
  /**
   * Rows for this phase alone, in place of `data.train`.
   */
  train: string | null;
  /**
   * Weight of the divergence to the teacher; the rest is cross-entropy on the responses.
   */
  teacherShare: number;
  divergence: Divergence;
}
export interface Divergence {
  /**
   * `forwardKl`: KL(p‖q); `reverseKl`: KL(q‖p); `jsd`: between the two, by `beta`; `skewKl`, `skewReverseKl`: against a mixture of both, by `skew`; `alphaBeta`: by `powers`; `tvd`: total variation.
   */
  kind: 'forwardKl' | 'reverseKl' | 'jsd' | 'skewKl' | 'skewReverseKl' | 'alphaBeta' | 'tvd';
  /**
   * Of `jsd`: 0 is the forward KL, 1 the reverse KL.
   */
  beta: number;
  /**
   * Of `jsd`. `continuous`: divided by beta(1−beta), which tends to the KLs at 0 and 1; `published`: as printed, so that the loss jumps in scale at both ends.
   */
  jsdScale: 'continuous' | 'published';
  /**
   * Of `skewKl` and `skewReverseKl`: the share of a distribution that is mixed into the other one.
   */
  skew: number;
  /**
   * Of `alphaBeta`: alpha and beta, not both 0. (1, 0) is the forward KL, (0, 1) the reverse KL.
   *
   * @minItems 2
   * @maxItems 2
   */
  powers: [unknown, unknown];
}
export interface RklPhase {
  /**
   * Reverse KL on given responses, exact over the vocabulary: strong for its cost, because nothing is sampled.
   */
  method: 'rkl';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Passes over the rows. Give `epochs` or `steps`.
   */
  epochs: number | null;
  /**
   * Optimizer steps. Give `epochs` or `steps`.
   */
  steps: number | null;
  /**
   * What is kept in the machine's memory of the teacher's one reading of the responses. `states`: its last hidden states, to which its head is applied, exact; `topTokens`: its likeliest tokens and one bucket for all others, for large models; `off`: it reads at every step. `auto`: `states`, where there is more than one pass and they take at most 1 GiB.
   */
  teacherCache: 'auto' | 'off' | 'states' | 'topTokens';
  /**
   * Of `topTokens`: how many tokens are kept at each place.
   */
  cacheTokens: number;
  /**
   * Rows for this phase alone, in place of `data.train`.
   */
  train: string | null;
}
export interface SeqKdPhase {
  /**
   * Sequence-level distillation: the teacher answers every prompt, then the student is fine-tuned on its answers.
   */
  method: 'seqkd';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Passes over the rows. Give `epochs` or `steps`.
   */
  epochs: number | null;
  /**
   * Optimizer steps. Give `epochs` or `steps`.
   */
  steps: number | null;
  /**
   * Rows whose prompts the teacher answers; responses are not read. Default: `data.train`.
   */
  prompts: string | null;
  /**
   * Answers of the teacher to each prompt.
   */
  answers: number;
  /**
   * Temperature of the teacher's answers; 0 takes the likeliest token.
   */
  temperature: number;
}
export interface GkdPhase {
  /**
   * Generalised distillation (arXiv 2306.13649): a Jensen–Shannon divergence on the student's own responses and on given ones.
   */
  method: 'gkd';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Rows whose prompts are sampled from; responses are not read. Default: `data.train`.
   */
  prompts: string | null;
  /**
   * Optimizer steps.
   */
  steps: number;
  /**
   * Prompts sampled per round. Default: as many as one step takes.
   */
  rollouts: number | null;
  /**
   * Prompts decoded together.
   */
  rolloutChunk: number;
  /**
   * Passes over one round's rollouts.
   */
  innerEpochs: number;
  /**
   * Rows with responses, for the part that is not the student's own. Default: `data.train`.
   */
  train: string | null;
  /**
   * Share of a step's sequences that the student samples (lambda); the rest is given responses.
   */
  onPolicyShare: number;
  /**
   * 0 is the forward KL, 1 the reverse KL, between them the generalised JSD.
   */
  beta: number;
  /**
   * `continuous`: divided by beta(1−beta), which tends to the KLs at 0 and 1; `published`: as printed, so that the loss jumps in scale at both ends.
   */
  jsdScale: 'continuous' | 'published';
  /**
   * Of sampling and of the divergence, on both models.
   */
  temperature: number;
}
export interface OpdPhase {
  /**
   * On-policy distillation by policy gradient: each sampled token is rewarded with log p/q, weighted by the ratio to the policy that sampled it.
   */
  method: 'opd';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Rows whose prompts are sampled from; responses are not read. Default: `data.train`.
   */
  prompts: string | null;
  /**
   * Optimizer steps.
   */
  steps: number;
  /**
   * Prompts sampled per round. Default: as many as one step takes.
   */
  rollouts: number | null;
  /**
   * Prompts decoded together.
   */
  rolloutChunk: number;
  /**
   * Passes over one round's rollouts.
   */
  innerEpochs: number;
  /**
   * Discount of later rewards; 0 counts the token's own reward alone.
   */
  discount: number;
  /**
   * Of sampling and of the rewards, on both models.
   */
  temperature: number;
}
export interface DistillmPhase {
  /**
   * DistiLLM (arXiv 2402.03898): a skew divergence on given responses and, as far as they do no harm, on replayed responses of the student.
   */
  method: 'distillm';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Rows for this phase alone, in place of `data.train`; the student answers their prompts.
   */
  train: string | null;
  /**
   * Optimizer steps.
   */
  steps: number;
  /**
   * `skewKl`: KL(p ‖ αp + (1−α)q); `skewReverseKl`: KL(q ‖ (1−α)p + αq).
   */
  divergence: 'skewKl' | 'skewReverseKl';
  /**
   * The share α of a distribution that is mixed into the other one.
   */
  skew: number;
  /**
   * Probability that a step trains on the student's responses, at the start.
   */
  studentShare: number;
  /**
   * How much that probability rises each time the validation loss has risen. 0: never.
   */
  adaptBy: number;
  /**
   * By how many nats per token the loss must have risen.
   */
  adaptTolerance: number;
  /**
   * Steps between looks at the validation loss. Default: twenty looks in the phase.
   */
  adaptEvery: number | null;
  /**
   * Responses of the student that are kept. New ones are sampled ever more rarely as the phase goes on; the others are replayed.
   */
  replayCapacity: number;
  /**
   * Of sampling and of the divergence, on both models.
   */
  temperature: number;
  /**
   * Weight of the language-modelling term on the corpus. Default: 1 with `data.corpus`, else 0.
   */
  lmWeight: number | null;
}
export interface MiniLlmPhase {
  /**
   * MiniLLM: reverse KL by policy gradient, with the single-step term in closed form.
   */
  method: 'minillm';
  /**
   * Use only the first rows of the file.
   */
  rows: number | null;
  /**
   * Sequences per optimizer step.
   */
  batchSize: number;
  /**
   * Sequences per forward pass; gradients are accumulated up to `batchSize`. Default: `batchSize`.
   */
  microBatchSize: number | null;
  /**
   * Tokens per forward pass, padding included: a bound on memory that holds for short and long sequences alike. The gradient is the same. Default: `microBatchSize` alone counts.
   */
  microBatchTokens: number | null;
  optimizer: Optimizer;
  /**
   * Rows whose prompts are sampled from; responses are not read. Default: `data.train`.
   */
  prompts: string | null;
  /**
   * Optimizer steps.
   */
  steps: number;
  /**
   * Prompts sampled per round.
   */
  rollouts: number;
  /**
   * Prompts decoded together.
   */
  rolloutChunk: number;
  /**
   * Passes over one round's rollouts.
   */
  innerEpochs: number;
  /**
   * Groups of prompts in a round that share the teacher's turns (`commonMask`); a hash deals the prompts to them, and as many are decoded together as `rolloutChunk` has room for. Default: as many as chunks, at least 4.
   */
  maskGroups: number | null;
  objective: Objective;
}
export interface Objective {
  /**
   * Share of the teacher in the sampling mixture, eq. (4).
   */
  alpha: number | null;
  /**
   * `commonMask`: one coin a step for the whole chunk, so that the teacher runs once every 1/alpha steps; `lockStep`: both models every step; `student`: no teacher (alpha 0).
   */
  sampling: ('commonMask' | 'lockStep' | 'student') | null;
  /**
   * Sampling temperature, applied to student and teacher alike (D14).
   */
  temperature: number | null;
  /**
   * Single-step term in closed form over the vocabulary, eq. (3).
   */
  singleStep: boolean | null;
  /**
   * Multiply the single-step term by the importance weight, as eq. (7) is written (D7).
   */
  weightSingleStep: boolean | null;
  /**
   * `future`: rewards after the token, R_(t+1); `toGo`: including the token's own reward (D1).
   */
  longTerm: ('future' | 'toGo' | 'off') | null;
  /**
   * Advantage of the last token, which has no future (it acts on length). `leftOut`: 0, and it counts in no baseline; `zero`: its return is 0, less the baseline.
   */
  emptyFuture: ('leftOut' | 'zero') | null;
  /**
   * Discount of later rewards, gamma (D3).
   */
  discount: number | null;
  /**
   * `mean`: divide by the sum of discounts, eq. (6); `remainingLength`: by the tokens left, undiscounted (D3, D4); `none`: sum (D10).
   */
  lengthNormalization: ('mean' | 'remainingLength' | 'none') | null;
  /**
   * Subtract the mean over real tokens, the constant 1 of eq. (2), or nothing (D2).
   */
  baseline: ('maskedMean' | 'one' | 'none') | null;
  /**
   * Divide the advantage by its standard deviation: never, over real tokens, or over all positions including padding (D5, D6).
   */
  whiten: ('none' | 'realTokens' | 'allPositions') | null;
  /**
   * Clip of the policy ratio, epsilon. `null`: no clip.
   */
  clipRange: number | null;
  /**
   * Clip q/q_old and multiply by w outside, or clip w times q/q_old (D8).
   */
  clipTarget: ('ratio' | 'weightedRatio') | null;
  /**
   * Correction for tokens drawn from the teacher. `step`: of the token alone, eq. (5); `perDecision`: of the whole prefix, exact but noisy; `none`.
   */
  importanceWeight: ('step' | 'perDecision' | 'none') | null;
  /**
   * Factor of the rewards, before they are clipped; it cancels where advantages are whitened (D9).
   */
  rewardScale: number | null;
  /**
   * Clip each token's reward to plus or minus this much. `null`: no clip.
   */
  rewardClip: number | null;
  /**
   * Whether rewards take teacher and student at the sampling temperature, or the student alone (D14).
   */
  rewardTemperature: ('both' | 'student') | null;
  /**
   * Average over the real tokens of the mini-batch, or sum over each sequence and average over sequences.
   */
  reduction: ('tokenMean' | 'sequenceSum') | null;
  /**
   * Weight of the language-modelling term on the corpus (L_PT). 0 without `data.corpus`.
   */
  lmWeight: number | null;
  /**
   * Share of that term that is cross-entropy with the teacher's distribution in place of the text (D11).
   */
  lmTeacherShare: number | null;
}
export interface Inspect {
  /**
   * Prompts whose samples are kept at every checkpoint. Default: the first validation rows, else the first of `data.train`.
   *
   * Rows that you add to this file while a run goes on are sampled from its next checkpoint on.
   */
  prompts: string | null;
  /**
   * How many of the rows that the file has at the start.
   */
  rows: number;
  /**
   * How many of the first validation rows are sampled besides, where `prompts` names another file. A prompt that stands in both is sampled once. 0: none. Default: 16.
   */
  validationRows: number | null;
  /**
   * Samples per prompt, besides the greedy one. Draw k of a prompt has the same seed at every checkpoint.
   */
  draws: number;
  /**
   * Alternatives kept of student and teacher at every token of a sample. 0 keeps none.
   */
  topTokens: number;
  /**
   * How many checkpoints, besides the first, keep what both models thought token by token. 0 writes none. Default: all.
   */
  keepTokens: number | null;
}
export interface Evaluation {
  /**
   * Validation rows scored at each checkpoint (a fixed subset).
   */
  rows: number;
  /**
   * Validation rows scored at the end. Default: all.
   */
  finalRows: number | null;
  /**
   * Unit of the error rate and of Rouge-L.
   */
  unit: 'word' | 'character' | 'token';
  /**
   * At the end, also score the start of distillation at the temperature that gives it the final student's entropy.
   */
  sharpeningControl: boolean;
}
export interface Guards {
  nonFinite: NonFinite;
  klRising: KlRising;
  eosCollapse: EosCollapse;
  truncation: Truncation;
  repetition: Repetition;
  lengthExplosion: LengthExplosion;
  effectiveSamples: EffectiveSamples;
  clipShare: ClipShare;
  stall: Stall;
  diskSpace: DiskSpace;
}
export interface NonFinite {
  /**
   * `stop` (and `off`): the run fails at that step; `alert`: the step is left out and training goes on; `checkpoint`: that, with a checkpoint of the student before it; `pause`: that, and it waits for a person.
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
}
export interface KlRising {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * How many times in a row it must rise.
   */
  evaluations: number;
  /**
   * By which share of its level before, over all of them together.
   */
  by: number;
}
export interface EosCollapse {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * The share of rollouts that end falls below this part of the highest so far.
   */
  below: number;
}
export interface Truncation {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * Share that never ended.
   */
  above: number;
}
export interface Repetition {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * A response is stuck when one token follows itself this many times.
   */
  run: number;
  /**
   * Share of stuck responses in a round that is too much.
   */
  share: number;
  /**
   * Distinct groups of four tokens per group in a response, on average over a round: fewer are too few.
   */
  distinct4: number;
}
export interface LengthExplosion {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * Mean length of a round in multiples of that of the phase's first round.
   */
  factor: number;
}
export interface EffectiveSamples {
  /**
   * What happens when the rule is broken: nothing, an alert, an alert and a checkpoint, an alert and a pause, or an alert and the end of the run (with a checkpoint).
   */
  action: 'off' | 'alert' | 'checkpoint' | 'pause' | 'stop';
  /**
   * Effective share of a round's tokens.
   */
  below: number;
}
export interface Stall {
  /**
   * `off`: the run is never called stalled; `stop`: it is stopped, by force if need be, and restarted if `restarts` allows.
   */
  action: 'off' | 'alert' | 'stop';
  /**
   * Silence that is no reason for concern, whatever it is busy with. Time in which the machine sleeps does not count.
   */
  seconds: number;
  /**
   * Silence in multiples of what a step has lately taken. The longer of the two counts.
   */
  factor: number;
}
export interface DiskSpace {
  /**
   * What happens when the rule is broken.
   */
  action: 'off' | 'alert' | 'pause' | 'stop';
  /**
   * GiB that must stay free, besides room for two more checkpoints.
   */
  free: number;
}
export interface ConfigEdit {
  pointer: string;
  value:
    | boolean
    | number
    | string
    | {
        [k: string]: boolean | number | string | undefined;
      };
}
export interface Problem {
  text: string;
  file: string | null;
  /**
   * Of a data file, from 1.
   */
  line: number | null;
  /**
   * JSON pointer into the config: `/phases/0/steps`.
   */
  pointer: string | null;
  severity: 'error' | 'warning';
  /**
   * What would mend it, all of them together; empty where that is for a person to say.
   */
  edits: ConfigEdit[];
}
export interface Preflight {
  /**
   * None when it cannot be used.
   */
  config: Config | null;
  problems: Problem[];
  checks: CheckRow[];
}
export interface Probe {
  pythonVersion: string;
  executable: string;
  /**
   * Versions of what is installed.
   */
  packages: {
    [k: string]: string | undefined;
  };
  /**
   * Required packages that are not there.
   */
  missing: string[];
  /**
   * Sentences: too old, too new, broken import.
   */
  problems: string[];
  /**
   * `cpu`, `cuda: NVIDIA …`, `mps`.
   */
  devices: string[];
}
export interface Resolution {
  /**
   * None when there are errors.
   */
  config: Config | null;
  problems: Problem[];
}
export interface DataFile {
  path: string;
  bytes: number;
  /**
   * Of the whole file; of its first and last 64 MiB when it is larger than 1 GiB.
   */
  sha256: string;
}
export interface Environment {
  /**
   * Path of the interpreter.
   */
  python: string;
  /**
   * Why this one was chosen.
   */
  reason: string;
  pythonVersion: string;
  packages: {
    [k: string]: string | undefined;
  };
  devices: string[];
  /**
   * Hash of the trainer's package that the run was launched with: the name of its copy in the user's cache.
   */
  trainer: string | null;
}
export interface Parent {
  /**
   * Id of the other run.
   */
  run: string;
  /**
   * Name of its checkpoint, whose weights lie in this run's `start/`.
   */
  checkpoint: string;
  /**
   * Folder of the other run at the time.
   */
  path: string;
}
export interface Provenance {
  git: boolean;
  /**
   * Why there is no git information.
   */
  reason: string | null;
  commit: string | null;
  branch: string | null;
  /**
   * Without user name or password.
   */
  remote: string | null;
  dirty: boolean;
  /**
   * Path in the run folder of the binary-safe patch against `commit`.
   */
  patch: string | null;
  /**
   * Untracked text files kept in `provenance/untracked/`.
   */
  untracked: string[];
  /**
   * Untracked files that are binary or over the size limit.
   */
  untrackedLeftOut: string[];
}
export interface Run {
  v: number;
  id: string;
  name: string;
  /**
   * Unix time.
   */
  created: number;
  config: Config;
  /**
   * Path of the file that was launched.
   */
  configSource: string;
  workspace: string;
  provenance: Provenance;
  command: string[];
  environment: Environment;
  /**
   * Of a fork: the run and checkpoint that this one started from.
   */
  parent: Parent | null;
  /**
   * What a resume must find unchanged.
   */
  dataFiles: DataFile[];
  /**
   * The same of the local folders that models and tokenizers were read from. Of a file larger than 16 MiB the hash is that of 64 slices
   * of 64 KiB, the first, the last and those at even distances between: weights that were trained on differ in all of them.
   */
  modelFiles: DataFile[];
}
export interface Sample {
  v: number;
  /**
   * Name of the checkpoint, or `teacher`.
   */
  checkpoint: string;
  step: number;
  /**
   * The row's id in the inspection file, else its line; of a validation row sampled besides, that after `validation:`.
   */
  promptId: string;
  prompt: string;
  /**
   * 0 is greedy; draw k > 0 is sampled with the prompt's own seed k, the same at every checkpoint.
   */
  draw: number;
  seed: number | null;
  /**
   * Response tokens, with the end token if it came.
   */
  ids: number[];
  text: string;
  /**
   * `rougeL`, `exact`, `errorRate` against the best reference.
   */
  score: {
    [k: string]: number | undefined;
  };
  /**
   * Mean token reverse KL, KL(student‖teacher), on this response.
   */
  kl: number | null;
  /**
   * The sum of the token reverse KL over this response.
   */
  klSequence: number | null;
  /**
   * Share of the runs of four tokens that came before: 0 says nothing twice.
   */
  repetition: number;
  length: number;
  stop: 'eos' | 'length';
  references: string[];
}
export interface Process {
  pid: number;
  /**
   * Start of the process as the kernel tells it (clock ticks since boot, or a date): with the pid, its identity.
   */
  startTime: string;
}
export interface Status {
  v: number;
  /**
   * Id of the run.
   */
  run: string;
  state:
    | 'queued'
    | 'starting'
    | 'running'
    | 'paused'
    | 'stopping'
    | 'stalled'
    | 'finished'
    | 'failed'
    | 'stopped'
    | 'lost'
    | 'unknown';
  /**
   * Counts the trainer processes of this run, from 1.
   */
  attempt: number;
  /**
   * Name of the machine.
   */
  host: string;
  /**
   * Changes when the machine restarts.
   */
  bootId: string;
  /**
   * The container in which the pids below are counted, where the system tells.
   */
  pidNamespace: string | null;
  supervisor: Process | null;
  trainer: Process | null;
  /**
   * Method of the phase at work.
   */
  phase: string | null;
  step: number;
  /**
   * Optimizer steps of the whole run; 0 while unknown.
   */
  total: number;
  /**
   * Seconds left, by the supervisor's reckoning.
   */
  eta: number | null;
  /**
   * What the trainer is busy with, in words: "loading the teacher", "evaluating".
   */
  activity: string | null;
  /**
   * Unix time of the run's first start.
   */
  started: number;
  /**
   * Unix time of this record.
   */
  heartbeat: number;
  /**
   * The machine's monotonic clock at this record, in seconds: it stands still while the machine sleeps, and nobody sets it.
   */
  heartbeatClock: number | null;
  /**
   * Unix time after which silence means that the supervisor is gone or the machine slept.
   */
  nextHeartbeatBy: number;
  /**
   * Unix time of the trainer's last word, once its silence is longer than it should be; sleep does not count.
   */
  silentSince: number | null;
  /**
   * While queued: ids of the runs that it waits for.
   */
  behind: string[];
  /**
   * Automatic restarts since a person last started the run.
   */
  restarts: number;
  /**
   * After a crash: Unix time of the next automatic restart.
   */
  restartAt: number | null;
  /**
   * While stopping: Unix time of the next, harsher step of the stop ladder.
   */
  stopDeadline: number | null;
  exitCode: number | null;
  /**
   * Why it ended, or why it waits, in one sentence.
   */
  reason: string | null;
}
export interface TokenDetail {
  v: number;
  checkpoint: string;
  step: number;
  promptId: string;
  prompt: string;
  /**
   * `reference`: an accepted answer, as if the student had given it.
   */
  kind: 'draw' | 'reference';
  /**
   * As in `Sample`; of a reference its place among them.
   */
  draw: number;
  /**
   * Tokens of the response, with the end token if it came.
   */
  ids: number[];
  /**
   * The text that each token adds. Empty for a token that ends inside a character: the one that completes it has it all.
   */
  pieces: string[];
  /**
   * Places of tokens that are no text; their piece is their name.
   */
  special: number[];
  logpStudent: number[] | null;
  logpTeacher: number[] | null;
  entropyStudent: number[] | null;
  entropyTeacher: number[] | null;
  /**
   * Exact reverse KL at each token.
   */
  kl: number[] | null;
  /**
   * What the objective pays for each token: log p/q, clipped where the config says so.
   */
  reward: number[] | null;
  /**
   * Per token the likeliest of both models together: id, log-prob under the student, under the teacher.
   */
  top: [unknown, unknown, unknown][][];
  /**
   * Text of every id in `ids` and `top`; bytes that are no character as `\xe6`.
   */
  names: {
    [k: string]: string | undefined;
  };
}
export interface TokenPlace {
  promptId: string;
  kind: 'draw' | 'reference';
  draw: number;
  /**
   * Bytes before the line.
   */
  offset: number;
  /**
   * Bytes of the line, with its end.
   */
  length: number;
}
export interface TokenIndex {
  v: number;
  /**
   * Size of the file that this index belongs to: another size means that the two are being replaced.
   */
  bytes: number;
  lines: TokenPlace[];
}
export interface User {
  v: number;
  name: string | null;
  tags: string[];
  note: string | null;
  pins: string[];
}

/** What a metric means: `schemas/metrics.json`. */
export interface MetricInfo {
  readonly label: string;
  readonly unit: string;
  readonly better: string;
  readonly text: string;
}

export const metricCatalogue: Readonly<Record<string, MetricInfo>> = {
  "loss/total": {
    "label": "loss",
    "unit": "nats",
    "better": "lower",
    "text": "Sum of the terms below, as optimised in this step"
  },
  "loss/sft": {
    "label": "cross-entropy",
    "unit": "nats",
    "better": "lower",
    "text": "Cross-entropy on the responses, mean over their tokens"
  },
  "loss/single": {
    "label": "single-step term",
    "unit": "nats",
    "better": "lower",
    "text": "Token reverse KL on the visited prefixes, in closed form over the vocabulary"
  },
  "loss/divergence": {
    "label": "divergence",
    "unit": "nats",
    "better": "lower",
    "text": "Divergence between teacher and student that the phase minimises, mean over response tokens"
  },
  "loss/policy": {
    "label": "policy-gradient loss",
    "unit": "nats",
    "better": "none",
    "text": "Weighted advantages of the sampled tokens; its gradient counts, its level does not"
  },
  "loss/validation": {
    "label": "validation loss",
    "unit": "nats",
    "better": "lower",
    "text": "Cross-entropy on validation responses, as an adaptive phase watches it"
  },
  "loss/long": {
    "label": "long-term term",
    "unit": "nats",
    "better": "none",
    "text": "Clipped policy-gradient term; its gradient counts, its level does not"
  },
  "loss/lm": {
    "label": "language-modelling term",
    "unit": "nats",
    "better": "lower",
    "text": "Cross-entropy on the corpus (L_PT)"
  },
  "kl/reverse": {
    "label": "reverse KL",
    "unit": "nats",
    "better": "lower",
    "text": "KL(student‖teacher) per token, exact over the vocabulary, on the student's own samples"
  },
  "kl/reverse_mixed": {
    "label": "reverse KL on mixed prefixes",
    "unit": "nats",
    "better": "lower",
    "text": "KL(student‖teacher) per token, on prefixes drawn from the teacher-mixed policy"
  },
  "reward/mean": {
    "label": "reward",
    "unit": "nats",
    "better": "higher",
    "text": "log p(y)/q(y) per token on rollouts"
  },
  "advantage/std": {
    "label": "advantage spread",
    "unit": "nats",
    "better": "none",
    "text": "Standard deviation of the advantage over real tokens"
  },
  "weight/mean": {
    "label": "importance weight",
    "unit": "",
    "better": "none",
    "text": "Mean of q/(αp+(1−α)q) on rollouts; 1 in expectation"
  },
  "weight/ess": {
    "label": "effective sample share",
    "unit": "%",
    "better": "higher",
    "text": "(Σw)²/(nΣw²) of the importance weights"
  },
  "clip/high": {
    "label": "clipped above",
    "unit": "%",
    "better": "lower",
    "text": "Share of tokens whose ratio lies above 1+ε"
  },
  "clip/low": {
    "label": "clipped below",
    "unit": "%",
    "better": "lower",
    "text": "Share of tokens whose ratio lies below 1−ε"
  },
  "ratio/std": {
    "label": "policy-ratio spread",
    "unit": "",
    "better": "none",
    "text": "Root mean square of q/q_old − 1 over the step's tokens; at the first step of a round, rounding alone"
  },
  "entropy/student": {
    "label": "student entropy",
    "unit": "nats",
    "better": "none",
    "text": "Entropy of the student's next-token distribution on rollouts"
  },
  "length/mean": {
    "label": "response length",
    "unit": "tokens",
    "better": "none",
    "text": "Mean length of rollouts, with the end token"
  },
  "rate/eos": {
    "label": "ended by itself",
    "unit": "%",
    "better": "higher",
    "text": "Share of rollouts that produced the end token"
  },
  "share/student": {
    "label": "student responses",
    "unit": "%",
    "better": "none",
    "text": "Share of steps that train on responses of the student"
  },
  "share/adaptive": {
    "label": "student's turn",
    "unit": "%",
    "better": "none",
    "text": "Probability that a step trains on responses of the student"
  },
  "rate/stuck": {
    "label": "stuck",
    "unit": "%",
    "better": "lower",
    "text": "Share of rollouts in which one token follows itself again and again (guards.repetition.run)"
  },
  "distinct/4": {
    "label": "distinct 4-grams",
    "unit": "%",
    "better": "higher",
    "text": "Distinct groups of four tokens per group within a rollout, mean over rollouts"
  },
  "share/teacher": {
    "label": "teacher tokens",
    "unit": "%",
    "better": "none",
    "text": "Share of tokens drawn from the teacher"
  },
  "grad/norm": {
    "label": "gradient norm",
    "unit": "",
    "better": "none",
    "text": "Global norm before clipping"
  },
  "rate/learning": {
    "label": "learning rate",
    "unit": "",
    "better": "none",
    "text": "Learning rate of this step"
  },
  "time/step": {
    "label": "step",
    "unit": "s",
    "better": "lower",
    "text": "Wall time of the optimizer step"
  },
  "time/rollout": {
    "label": "rollout",
    "unit": "s",
    "better": "lower",
    "text": "Wall time of one round of sampling"
  },
  "time/evaluation": {
    "label": "evaluation",
    "unit": "s",
    "better": "lower",
    "text": "Wall time of one evaluation"
  },
  "throughput/tokens": {
    "label": "step",
    "unit": "tokens/s",
    "better": "higher",
    "text": "Response tokens per second of an optimizer step"
  },
  "throughput/rollout": {
    "label": "rollout",
    "unit": "tokens/s",
    "better": "higher",
    "text": "Response tokens per second of a round of sampling"
  },
  "memory/peak": {
    "label": "peak memory",
    "unit": "bytes",
    "better": "lower",
    "text": "Peak resident or device memory so far"
  },
  "eval/kl_reverse": {
    "label": "reverse KL",
    "unit": "nats",
    "better": "lower",
    "text": "Token reverse KL on the student's own samples for validation prompts"
  },
  "eval/accuracy_sampled": {
    "label": "exact match, sampled",
    "unit": "%",
    "better": "higher",
    "text": "Share of sampled responses that equal a reference"
  },
  "eval/accuracy_greedy": {
    "label": "exact match, greedy",
    "unit": "%",
    "better": "higher",
    "text": "Share of greedy responses that equal a reference"
  },
  "eval/error_rate_sampled": {
    "label": "error rate, sampled",
    "unit": "%",
    "better": "lower",
    "text": "Edit distance to the nearest reference per reference unit, sampled"
  },
  "eval/error_rate_greedy": {
    "label": "error rate, greedy",
    "unit": "%",
    "better": "lower",
    "text": "Edit distance to the nearest reference per reference unit, greedy"
  },
  "eval/rougeL_sampled": {
    "label": "Rouge-L, sampled",
    "unit": "%",
    "better": "higher",
    "text": "F-measure of the longest common subsequence with the best reference, sampled"
  },
  "eval/rougeL_greedy": {
    "label": "Rouge-L, greedy",
    "unit": "%",
    "better": "higher",
    "text": "F-measure of the longest common subsequence with the best reference, greedy"
  },
  "eval/entropy": {
    "label": "entropy",
    "unit": "nats",
    "better": "none",
    "text": "Entropy of the next-token distribution on its own samples"
  },
  "eval/nll_gold": {
    "label": "gold NLL",
    "unit": "nats",
    "better": "lower",
    "text": "Negative log-likelihood of the first reference, per token"
  },
  "eval/length": {
    "label": "length",
    "unit": "tokens",
    "better": "none",
    "text": "Mean length of the sampled responses, without the end token"
  },
  "eval/truncated": {
    "label": "cut off",
    "unit": "%",
    "better": "lower",
    "text": "Share of sampled responses that never ended"
  }
};
