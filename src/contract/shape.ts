/* What readers rely on in a record that a stranger may have written: enough that nothing shown of it can fail. */

import type { Event } from './generated';

type Holds = (value: unknown) => boolean;

export const isNumber: Holds = (value) => typeof value === 'number';
export const isText: Holds = (value) => typeof value === 'string';
const isSwitch: Holds = (value) => typeof value === 'boolean';

export const orNull = (holds: Holds): Holds => (value) => value === null || holds(value);
/** Older versions did not write it. */
export const maybe = (holds: Holds): Holds => (value) => value === undefined || value === null || holds(value);
export const listOf = (holds: Holds): Holds => (value) => Array.isArray(value) && value.every(holds);

export function has(fields: Readonly<Record<string, Holds>>): Holds {
  const wanted = Object.entries(fields);
  return (value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
    const record = value as Record<string, unknown>;
    return wanted.every(([key, holds]) => holds(record[key]));
  };
}

/** An object whose values are all of a kind, whatever its keys are. */
export const mapOf = (holds: Holds): Holds => (value) =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && Object.values(value).every(holds);

const model = has({ model: isText });
const dataFile = has({ path: isText, bytes: isNumber, sha256: isText });
const process = has({ pid: isNumber, startTime: isText });

export const isRunRecord = has({
  id: isText, name: isText, created: isNumber, configSource: maybe(isText), workspace: maybe(isText),
  config: has({ teacher: model, student: model, checkpoints: has({ best: isText }), phases: maybe(listOf(has({ method: isText }))) }),
  parent: maybe(has({ run: isText, checkpoint: isText, path: isText })),
  provenance: has({
    commit: orNull(isText), branch: maybe(isText), dirty: maybe(isSwitch), reason: maybe(isText),
    untracked: maybe(listOf(isText)), untrackedLeftOut: maybe(listOf(isText)),
  }),
  environment: has({ python: isText, reason: maybe(isText), trainer: maybe(isText) }),
  dataFiles: maybe(listOf(dataFile)),
  modelFiles: maybe(listOf(dataFile)),
});

/** Its state is looked at by who reads it: a newer version may know others. */
export const isStatusRecord = has({
  host: isText, bootId: maybe(isText), attempt: maybe(isNumber), step: isNumber, total: isNumber,
  eta: maybe(isNumber), started: maybe(isNumber),
  heartbeat: isNumber, nextHeartbeatBy: isNumber, heartbeatClock: maybe(isNumber), silentSince: maybe(isNumber),
  supervisor: maybe(process), trainer: maybe(process), phase: maybe(isText), activity: maybe(isText), reason: maybe(isText),
  behind: maybe(listOf(isText)), restarts: maybe(isNumber), restartAt: maybe(isNumber), stopDeadline: maybe(isNumber),
});

export const isExitRecord = has({
  exitCode: isNumber, attempt: isNumber, cause: orNull(isText),
  reason: (value) => value === 'finished' || value === 'stopped' || value === 'failed' || value === 'bad input',
});

export const isSampleRecord = has({
  promptId: isText, prompt: isText, draw: isNumber, text: isText, references: listOf(isText), score: mapOf(isNumber),
  ids: maybe(Array.isArray), kl: maybe(isNumber), klSequence: maybe(isNumber), repetition: maybe(isNumber), length: maybe(isNumber),
  stop: maybe(isText),
});

const plan = has({ method: isText, firstStep: isNumber, steps: isNumber });
const metrics = mapOf(isNumber);
const level: Holds = (value) => value === 'info' || value === 'warning' || value === 'error';

/** The fields that readers rely on, per kind of event. More fields than these may come; fewer make the line unreadable. */
export const eventShapes: { readonly [K in Event['kind']]: Readonly<Record<string, Holds>> } = {
  start: {
    device: isText, precision: isText, threads: isNumber, versions: mapOf(isText), parameters: metrics, rows: metrics,
    plan: listOf(plan), total: isNumber,
  },
  phase: { index: isNumber, method: isText, firstStep: isNumber, steps: isNumber },
  step: { step: isNumber, phase: isNumber, metrics },
  rollout: { step: isNumber, round: isNumber, metrics },
  samples: { step: isNumber, checkpoint: isText, path: isText },
  checkpoint: { step: isNumber, name: isText, path: isText, bytes: isNumber, seconds: isNumber, phase: isText },
  evaluation: { step: isNumber, checkpoint: isText, subject: isText, metrics },
  alert: { step: isNumber, rule: isText, text: isText, level },
  control: { id: isText, verb: isText, outcome: isText },
  resume: { step: isNumber, checkpoint: isText },
  message: { text: isText, level, pointer: maybe(isText) },
  progress: { what: isText, done: isNumber, total: orNull(isNumber), unit: isText },
  end: { reason: isText, exitCode: isNumber, step: isNumber, cause: orNull(isText) },
};
