import * as vscode from 'vscode';
import type { CheckpointRow } from '../../present/checkpoints';
import { scoreMetric } from '../../present/checkpoints';
import { checkpointLabel, stateLook } from '../../present/labels';
import { formatBytes } from '../../present/numbers';
import { RunDir } from '../../rundir/layout';
import { folderSize, sampleSizes } from '../../rundir/size';
import { Disposable } from '../disposable';
import { checkpointDescription, checkpointFacts, checkpointSpoken, runDescription, runFacts, runLabel, runSentence, runSpoken } from './describe';
import type { ListedRun, RunRegistry } from './registry';

export interface RunNode {
  readonly kind: 'run';
  readonly dir: string;
}

export interface CheckpointNode {
  readonly kind: 'checkpoint';
  readonly dir: string;
  readonly checkpoint: string;
}

export interface FileNode {
  readonly kind: 'log' | 'config';
  readonly dir: string;
}

/** Stands for the runs that are too old to be listed. */
export interface OlderNode {
  readonly kind: 'older';
}

export type Node = RunNode | CheckpointNode | FileNode | OlderNode;

const OLDER: OlderNode = { kind: 'older' };

/**
 * The Runs view. Nodes are addresses, not values: they stay the same while what they show changes, so that selection
 * and focus stay, too. Only items that look different than before are drawn again.
 */
export class RunsTree extends Disposable implements vscode.TreeDataProvider<Node> {
  private readonly changed = this.register(new vscode.EventEmitter<Node[] | undefined>());
  private nodes = new Map<string, RunNode>();
  private readonly drawn = new Map<string, string>();
  private readonly rows = new Map<string, Map<string, CheckpointRow>>();
  private older = 0;
  private readonly scores = new Map<string, string>();

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly runs: RunRegistry) {
    super();
    this.register(runs.onDidChange(() => this.update()));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'older':
        return this.olderItem();
      case 'run':
        return this.runItem(node);
      case 'checkpoint':
        return this.checkpointItem(node);
      case 'log':
        return fileItem(node, 'Log', 'output', 'minillm.showLog');
      case 'config':
        return fileItem(node, 'Config', 'json', 'minillm.openConfig');
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node === undefined) {
      this.nodes = new Map(this.runs.runs.map(({ summary: { dir } }) => [dir, this.nodes.get(dir) ?? { kind: 'run', dir }]));
      this.older = this.runs.older;
      return [...this.nodes.values(), ...(this.older > 0 ? [OLDER] : [])];
    }
    if (node.kind !== 'run') return [];
    const { dir } = node;
    const rows = await this.runs.checkpoints(dir);
    this.rows.set(dir, new Map(rows.map((row) => [row.name, row])));
    this.scores.set(dir, scoreMetric(rows, this.runs.get(dir)?.summary.run?.config.checkpoints.best ?? 'eval/kl_reverse'));
    const checkpoints = rows.map((row): Node => ({ kind: 'checkpoint', dir, checkpoint: row.name })).reverse();
    return [...checkpoints, { kind: 'config', dir }, { kind: 'log', dir }];
  }

  getParent(node: Node): Node | undefined {
    return node.kind === 'run' || node.kind === 'older' ? undefined : this.nodes.get(node.dir);
  }

  /** The node of a run in the list, for `TreeView.reveal`. */
  nodeOf(dir: string): RunNode | undefined {
    return this.nodes.get(dir);
  }

  /** What takes time to find out is asked only for the item that somebody points at. */
  async resolveTreeItem(item: vscode.TreeItem, node: Node): Promise<vscode.TreeItem> {
    if (node.kind === 'run') {
      const run = this.runs.get(node.dir);
      if (run) {
        const facts = [...runFacts(run), ['Size', formatBytes(await folderSize(node.dir))] as const];
        item.tooltip = factSheet(`${runLabel(run)}: ${stateLook(run.summary.state).label}`, runSentence(run, new Date()), facts);
      }
    } else if (node.kind === 'checkpoint') {
      const row = this.rows.get(node.dir)?.get(node.checkpoint);
      if (row) {
        const facts = checkpointFacts(row, await sampleSizes(node.dir, row.name));
        item.tooltip = factSheet(`${checkpointLabel(row.name)}${row.best ? ', the best' : ''}`, '', facts);
      }
    }
    return item;
  }

  private update(): void {
    const runs = this.runs.runs;
    const same = this.runs.older === this.older
      && runs.length === this.nodes.size && runs.every(({ summary: { dir } }) => this.nodes.has(dir));
    if (!same) {
      for (const dir of this.drawn.keys()) if (!this.runs.get(dir)) this.forget(dir);
      this.changed.fire(undefined);
      return;
    }
    const news = [...this.nodes.values()].filter((node) => this.drawn.has(node.dir) && this.drawn.get(node.dir) !== this.look(node.dir));
    if (news.length > 0) this.changed.fire(news);
  }

  private forget(dir: string): void {
    this.drawn.delete(dir);
    this.rows.delete(dir);
    this.scores.delete(dir);
  }

  /** Everything that a run's item and its children show, in one string. */
  private look(dir: string): string {
    const run = this.runs.get(dir);
    if (!run) return '';
    return [run.summary.state, runLabel(run), runDescription(run, new Date()), run.checkpointsSeen].join('\n');
  }

  private olderItem(): vscode.TreeItem {
    const label = `${this.older.toLocaleString('en')} older run${this.older === 1 ? '' : 's'}`;
    const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
    item.id = 'older';
    item.contextValue = 'older';
    item.iconPath = new vscode.ThemeIcon('history');
    item.tooltip = 'They are not listed. Click to see what they take up, and to delete some.';
    item.command = { command: 'minillm.cleanUp', title: 'Clean Up Old Runs' };
    return item;
  }

  private runItem(node: RunNode): vscode.TreeItem {
    const run = this.runs.get(node.dir);
    const item = new vscode.TreeItem(run ? runLabel(run) : '', vscode.TreeItemCollapsibleState.Collapsed);
    item.id = node.dir;
    if (!run) return item;
    const now = new Date();
    const look = stateLook(run.summary.state);
    item.description = runDescription(run, now);
    item.iconPath = alerted(run) ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
      : new vscode.ThemeIcon(look.icon, look.color === undefined ? undefined : new vscode.ThemeColor(look.color));
    item.contextValue = contextOf(run);
    item.command = { command: 'minillm.openPanel', title: 'Open Run Panel', arguments: [node] };
    item.accessibilityInformation = { label: runSpoken(run, now), role: 'treeitem' };
    this.drawn.set(node.dir, this.look(node.dir));
    return item;
  }

  private checkpointItem(node: CheckpointNode): vscode.TreeItem {
    const item = new vscode.TreeItem(checkpointLabel(node.checkpoint), vscode.TreeItemCollapsibleState.None);
    item.id = `${node.dir}\n${node.checkpoint}`;
    item.contextValue = 'checkpoint';
    item.command = { command: 'minillm.openSamples', title: 'Open Samples', arguments: [node] };
    const row = this.rows.get(node.dir)?.get(node.checkpoint);
    const score = this.scores.get(node.dir);
    item.iconPath = row?.best === true ? new vscode.ThemeIcon('star-full', new vscode.ThemeColor('charts.yellow')) : new vscode.ThemeIcon('milestone');
    if (row && score !== undefined) {
      item.description = checkpointDescription(row, score);
      item.accessibilityInformation = { label: checkpointSpoken(row, score), role: 'treeitem' };
    }
    return item;
  }
}

/** A run at work about which a guard has something to say; what has ended shows how. */
function alerted({ summary: { active }, alerts }: ListedRun): boolean {
  return active && alerts.some(({ level }) => level !== 'info');
}

/** What menus know of a run: `run.active.running`, `run.ended.failed`, `run.elsewhere`. */
function contextOf({ summary: { state, active, forsaken } }: ListedRun): string {
  if (forsaken) return 'run.ended.lost'; // a person may say so: the commands ask
  return state === 'unknown' ? 'run.elsewhere' : `run.${active ? 'active' : 'ended'}.${state}`;
}

function fileItem(node: FileNode, label: string, icon: string, command: string): vscode.TreeItem {
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.id = `${node.dir}\n${node.kind}`;
  item.contextValue = node.kind;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.command = { command, title: label, arguments: [node] };
  item.tooltip = node.kind === 'log' ? new RunDir(node.dir).log : new RunDir(node.dir).config;
  return item;
}

/** A tooltip: a heading, a sentence, a table. Names and causes come from files: they are text, and none of it is markup. */
function factSheet(title: string, sentence: string, facts: readonly (readonly [string, string])[]): vscode.MarkdownString {
  const sheet = new vscode.MarkdownString('', false);
  sheet.isTrusted = false;
  sheet.supportHtml = false;
  sheet.appendMarkdown('**').appendText(title).appendMarkdown('**\n\n');
  if (sentence !== '') sheet.appendText(sentence).appendMarkdown('\n\n');
  sheet.appendMarkdown('| | |\n|---|---|\n');
  for (const [label, value] of facts) sheet.appendMarkdown('| ').appendText(label).appendMarkdown(' | ').appendText(value.replaceAll('|', '¦')).appendMarkdown(' |\n');
  return sheet;
}
