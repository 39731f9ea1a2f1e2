import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { Disposable } from '../disposable';
import { SCHEME } from './address';

/** What a document is made of. */
export interface DocumentSource {
  /** Changes when the document's text may. */
  readonly file: string;
  /** Undefined when there is no such document. */
  render(): Promise<string | undefined>;
}

/** Reads an address of one kind of document; undefined when it is of another kind, or none. */
export type DocumentKind = (uri: vscode.Uri) => DocumentSource | undefined;

interface Rendered {
  readonly modified: number;
  readonly bytes: Uint8Array;
}

/** Bytes of texts kept: a set of five hundred diffs asks twice for each of a thousand. */
const KEPT = 16 << 20;

/**
 * Samples as read-only documents. A file system and not a content provider, because tabs of a file system come back
 * after a reload. What a checkpoint wrote never changes, so nothing is watched.
 */
export class SamplesFileSystem extends Disposable implements vscode.FileSystemProvider {
  private readonly kept = new Map<string, Rendered>();
  private size = 0;
  readonly onDidChangeFile = this.register(new vscode.EventEmitter<vscode.FileChangeEvent[]>()).event;

  constructor(private readonly kinds: readonly DocumentKind[]) {
    super();
    this.register(vscode.workspace.registerFileSystemProvider(SCHEME, this, { isReadonly: true, isCaseSensitive: true }));
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { modified, bytes } = await this.render(uri);
    const { Readonly } = vscode.FilePermission;
    return { type: vscode.FileType.File, ctime: modified, mtime: modified, size: bytes.length, permissions: Readonly };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return (await this.render(uri)).bytes;
  }

  readDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.FileNotADirectory(uri);
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  private async render(uri: vscode.Uri): Promise<Rendered> {
    const source = this.kinds.map((kind) => kind(uri)).find((found) => found !== undefined);
    if (!source) throw vscode.FileSystemError.FileNotFound(uri);
    const key = uri.toString();
    const modified = await modifiedAt(source.file, uri);
    const kept = this.kept.get(key);
    if (kept?.modified === modified) return kept;
    const text = await source.render();
    if (text === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    const rendered = { modified, bytes: Buffer.from(text) };
    this.forget(key);
    this.kept.set(key, rendered);
    this.size += rendered.bytes.length;
    for (const oldest of this.kept.keys()) {
      if (this.size <= KEPT || oldest === key) break;
      this.forget(oldest);
    }
    return rendered;
  }

  private forget(key: string): void {
    this.size -= this.kept.get(key)?.bytes.length ?? 0;
    this.kept.delete(key);
  }
}

async function modifiedAt(file: string, uri: vscode.Uri): Promise<number> {
  try {
    return Math.round((await stat(file)).mtimeMs);
  } catch {
    throw vscode.FileSystemError.FileNotFound(uri);
  }
}
