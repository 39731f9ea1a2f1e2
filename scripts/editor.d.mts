// Types of the part of editor.mjs that TypeScript uses.
export interface Server {
  readonly origin: string;
  readonly pid: number;
  /** Path of the server's output. */
  readonly log: string;
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export const calmSettings: Readonly<Record<string, unknown>>;
export function ensureServer(): { readonly node: string; readonly start: string };
export function installExtension(data: string, vsix: string): void;
export function startServer(options: {
  readonly data: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly port?: number;
  readonly extension?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: readonly string[];
  readonly trust?: boolean;
}): Promise<Server>;
