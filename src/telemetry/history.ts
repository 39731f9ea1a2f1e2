import type {
  AlertEvent, CheckpointEvent, EndEvent, EvaluationEvent, Event, MessageEvent, PhaseEvent, ProgressEvent, ResumeEvent, RolloutEvent,
  SamplesEvent, StartEvent,
} from '../contract/generated';
import { isKnown, parseEvent, type UnknownEvent } from '../contract/parse';
import { Series } from './series';

/** Lines of the stream that could not be used, counted by reason: shown, never silently dropped. */
export interface Unreadable {
  count: number;
  /** The first reason, as an example. */
  readonly reason: string;
}

/** Everything that a run's events say, folded in order of `seq`. Each `seq` counts once, however often it is read. */
export class History {
  readonly series = new Map<string, Series>();
  readonly phases: PhaseEvent[] = [];
  readonly checkpoints: CheckpointEvent[] = [];
  readonly evaluations: EvaluationEvent[] = [];
  readonly samples: SamplesEvent[] = [];
  readonly alerts: AlertEvent[] = [];
  readonly messages: MessageEvent[] = [];
  readonly resumes: ResumeEvent[] = [];
  /** Ranges of `seq` that never came. */
  readonly gaps: { readonly from: number; readonly to: number }[] = [];
  start: StartEvent | undefined;
  end: EndEvent | undefined;
  /** What keeps the trainer busy besides training; undefined once a step follows. */
  progress: ProgressEvent | undefined;
  unreadable: Unreadable | undefined;
  lastSeq = -1;
  lastStep = 0;
  /** Unix time of the newest event. */
  lastTime = 0;
  /** Metrics that steps have measured. */
  private readonly ofSteps = new Set<string>();

  /** Takes one line of events.jsonl. Returns true when it told something new. */
  appendLine(line: string): boolean {
    const parsed = parseEvent(line);
    if (parsed.ok) return this.append(parsed.value);
    this.leaveOut(parsed.reason);
    return false;
  }

  /** Counts a line that could not be used. */
  leaveOut(reason: string): void {
    if (this.unreadable) this.unreadable.count++;
    else this.unreadable = { count: 1, reason };
  }

  append(event: Event | UnknownEvent): boolean {
    if (event.seq <= this.lastSeq) return false;
    if (event.seq > this.lastSeq + 1 && this.lastSeq >= 0) this.gaps.push({ from: this.lastSeq + 1, to: event.seq - 1 });
    this.lastSeq = event.seq;
    this.lastTime = event.t;
    if (isKnown(event)) this.fold(event);
    return true;
  }

  latest(metric: string): number | undefined {
    return this.series.get(metric)?.last;
  }

  private fold(event: Event): void {
    switch (event.kind) {
      case 'start':
        this.start = event;
        this.end = undefined;
        break;
      case 'phase':
        // A resumed attempt enters the phase that it was in once more.
        while ((this.phases.at(-1)?.index ?? -1) >= event.index) this.phases.pop();
        this.phases.push(event);
        this.progress = undefined;
        break;
      case 'step':
        this.lastStep = event.step;
        this.progress = undefined;
        for (const name of Object.keys(event.metrics)) this.ofSteps.add(name);
        this.measure(event.step, event.metrics, event.phase);
        break;
      case 'rollout':
        this.lastStep = event.step;
        this.progress = undefined;
        this.measure(event.step, this.ofRollout(event), event.phase);
        break;
      case 'evaluation':
        this.evaluations.push(event);
        if (event.subject === 'student' && !event.full) this.measure(event.step, event.metrics, this.phases.at(-1)?.index ?? 0);
        break;
      case 'checkpoint':
        this.checkpoints.push(event);
        this.progress = undefined;
        break;
      case 'samples':
        this.samples.push(event);
        break;
      case 'alert':
        this.alerts.push(event);
        break;
      case 'message':
        this.messages.push(event);
        break;
      case 'progress':
        this.progress = event;
        break;
      case 'resume':
        // What the attempt before trained past this step will be trained anew, or never: it is no longer the run's.
        this.resumes.push(event);
        this.lastStep = event.step;
        for (const series of this.series.values()) series.discardFrom(event.step + 1);
        break;
      case 'end':
        this.end = event;
        this.progress = undefined;
        break;
      case 'control':
        break;
    }
  }

  /**
   * A rollout carries the step after which it was sampled. Older trainers told speed and memory of both under one name: what the step
   * measured stands.
   */
  private ofRollout({ step, metrics }: RolloutEvent): RolloutEvent['metrics'] {
    const free = (name: string): boolean => !this.ofSteps.has(name) || this.series.get(name)?.steps.at(-1) !== step;
    return Object.fromEntries(Object.entries(metrics).filter(([name]) => free(name)));
  }

  private measure(step: number, metrics: Readonly<Record<string, number | undefined>>, phase: number): void {
    for (const [name, value] of Object.entries(metrics)) {
      if (value === undefined) continue;
      let series = this.series.get(name);
      if (!series) this.series.set(name, (series = new Series(name)));
      series.append(step, value, phase);
    }
  }
}
