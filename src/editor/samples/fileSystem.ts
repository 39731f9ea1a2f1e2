import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { RunDir } from '../../rundir/layout';
import { readSamples } from '../../rundir/samples';
import { renderSamples } from '../../samples/document';
import { Disposable } from '../disposable';
import { parseSamplesUri, type SamplesAddress, SCHEME } from './address';

interface Rendered {
  readonly modified: number;
  readonly bytes: Uint8Array;
}

/** Texts kept: the two sides of a comparison, and a few that one goes back to. */
const KEPT = 16;

/**
 * Samples as read-only documents. A file system and not a content provider, because tabs of a file system come back
 * after a reload. What a checkpoint wrote never changes, so nothing is watched.
 */
export class SamplesFileSystem extends Disposable implements vscode.FileSystemProvider {
  private readonly kept = new Map<string, Rendered>();
  readonly onDidChangeFile = this.register(new vscode.EventEmitter<vscode.FileChangeEvent[]>()).event;

  constructor() {
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
    const address = parseSamplesUri(uri);
    if (!address) throw vscode.FileSystemError.FileNotFound(uri);
    const key = uri.toString();
    const modified = await modifiedAt(address, uri);
    const kept = this.kept.get(key);
    if (kept?.modified === modified) return kept;
    const samples = await readSamples(address.dir, address.checkpoint);
    const wanted = address.promptId === undefined ? samples : samples.filter((sample) => sample.promptId === address.promptId);
    if (address.promptId !== undefined && wanted.length === 0) throw vscode.FileSystemError.FileNotFound(uri);
    const rendered = { modified, bytes: Buffer.from(renderSamples(wanted)) };
    this.kept.delete(key);
    this.kept.set(key, rendered);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
    return rendered;
  }
}

async function modifiedAt({ dir, checkpoint }: SamplesAddress, uri: vscode.Uri): Promise<number> {
  try {
    return Math.round((await stat(new RunDir(dir).samplesOf(checkpoint))).mtimeMs);
  } catch {
    throw vscode.FileSystemError.FileNotFound(uri);
  }
}
