/* The extension host, as the page sees it. */
import type { ToHost, ToPage } from '../../src/protocol/runPanel';
import type { TravelMessage, TravelToHost, TravelView } from '../../src/protocol/timeTravel';

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): EditorApi;

const api = acquireVsCodeApi();

export function send(message: ToHost): void {
  api.postMessage(message);
}

export function onMessage(listener: (message: ToPage) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToPage>) => listener(event.data));
}

/** A prompt of the list, and how far its top is below that of the window. */
export interface PromptPlace {
  readonly id: string;
  readonly top: number;
}

/** What only this page needs again: the editor's serializer reads `dir` from it when it brings the panel back. */
export interface PageMemory {
  readonly dir: string;
  readonly scroll: number;
  /** Where in the list of prompts; undefined above it. */
  readonly prompt?: PromptPlace;
}

export function recall(): PageMemory | undefined {
  return api.getState() as PageMemory | undefined;
}

export function remember(memory: PageMemory): void {
  api.setState(memory);
}

/* The same host, as the time travel page sees it. */

export function sendTravel(message: TravelToHost): void {
  api.postMessage(message);
}

export function onTravel(listener: (message: TravelMessage) => void): void {
  window.addEventListener('message', (event: MessageEvent<TravelMessage>) => listener(event.data));
}

/** The whole address: the editor's serializer opens the page again by it. */
export function rememberTravel(view: TravelView): void {
  api.setState(view);
}
