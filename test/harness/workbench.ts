/**
 * A real VS Code workbench for tests: a code-server of its own, headless Chromium, and what a person does with them.
 *
 *   const workbench = await Workbench.start();
 *   await workbench.open(folder);                       // a folder with at least one file in it
 *   await workbench.runCommand('MiniLLM: Open Run Panel');
 *   const panel = await workbench.webview('#charts');   // the frame of the webview that has such an element
 *   await workbench.screenshot('panel');                // test-results/panel.png
 *   await workbench.stop();
 *
 * Starting costs about 10 s, so workbench tests share one: sharedWorkbench() in shared.ts.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chromium, type BrowserContext, type Frame, type Locator, type Page } from 'playwright-core';
import type * as chromiumModule from '../../scripts/chromium.mjs';
import type * as editorModule from '../../scripts/editor.mjs';
import { until } from './page';
import { repo, resultFile, temporaryFolder } from './paths';
import { descendants } from './processes';

/** The scripts are plain modules, loaded as such: a bundle would lose where they lie. */
const script = <T>(name: string): Promise<T> => import(pathToFileURL(path.join(repo, 'scripts', name)).href) as Promise<T>;
const editorScript = () => script<typeof editorModule>('editor.mjs');
const chromiumScript = () => script<typeof chromiumModule>('chromium.mjs');

export type Theme = 'Dark Modern' | 'Light Modern' | 'Default High Contrast' | 'Default High Contrast Light';

const themeClass: Readonly<Record<Theme, string>> = {
  'Dark Modern': 'vs-dark',
  'Light Modern': 'vs',
  'Default High Contrast': 'hc-black',
  'Default High Contrast Light': 'hc-light',
};

export interface WorkbenchOptions {
  /** A packaged extension to install. Without one, the extension runs from its folder. */
  readonly vsix?: string;
  /** That folder. Default: the repository. */
  readonly extension?: string;
  /** User settings beside the calm ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Added to the environment of the server, and so of the extension host. */
  readonly env?: Readonly<Record<string, string>>;
  readonly viewport?: { readonly width: number; readonly height: number };
  /**
   * A file for the extension host to run once a folder is open, with the extension loaded for development. The server takes
   * it only with its test driver on, and that keeps notifications from showing: look for those without it.
   */
  readonly tests?: string;
  /** Folders are not trusted: the window is restricted, and nobody is asked. */
  readonly untrusted?: boolean;
  /** Name of the console's record under test-results/. */
  readonly name?: string;
}

/** Writes files, name → text, into a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const browserOptions = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage',
  // Nothing but this machine resolves: a stray call to the outside fails at once instead of passing unseen.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

/** A view that opens late takes the focus; a question that is open then would close unanswered. */
const patient = { 'workbench.quickOpen.closeOnFocusLost': false };

const restricted = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'never',
};

export class Workbench {
  /** Hosts outside this machine that the page asked for (and did not get). The webviews' own addresses never leave the browser. */
  readonly strangers = new Set<string>();
  /** Those that have started and not stopped: a test that fails leaves a picture of each. */
  static readonly running = new Set<Workbench>();
  #folder = '';

  private constructor(
    private current: editorModule.Server,
    /** Starts another server like it, on that port. */
    private readonly serve: (port: number) => Promise<editorModule.Server>,
    readonly data: string,
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly tests: string | undefined,
  ) {}

  get server(): editorModule.Server {
    return this.current;
  }

  static async start(options: WorkbenchOptions = {}): Promise<Workbench> {
    const { vsix, settings = {}, env = {}, untrusted = false, viewport = { width: 1400, height: 900 }, name = 'workbench' } = options;
    const { calmSettings, installExtension, startServer } = await editorScript();
    const { ensureChromium } = await chromiumScript();
    const data = temporaryFolder('workbench');
    if (vsix) installExtension(data, vsix);
    const serve = (port: number): Promise<editorModule.Server> => startServer({
      data,
      port,
      settings: { ...calmSettings, ...patient, 'git.enabled': false, 'typescript.disableAutomaticTypeAcquisition': true, ...(untrusted ? restricted : {}), ...settings },
      trust: untrusted,
      env: { XDG_CACHE_HOME: path.join(data, 'cache'), MINILLM_REPO: repo, ...env },
      // A host whose page is gone lingers for hours by default; here the next page must find the field empty.
      options: ['--reconnection-grace-time', '1', ...(options.tests ? ['--vscode-option', 'enable-smoke-test-driver'] : [])],
      ...(vsix || options.tests ? {} : { extension: options.extension ?? repo }),
    });
    const server = await serve(0);
    try {
      const context = await chromium.launchPersistentContext(path.join(data, 'browser'), {
        executablePath: ensureChromium(),
        headless: true,
        viewport,
        args: browserOptions,
      });
      const page = context.pages()[0] ?? await context.newPage();
      const workbench = new Workbench(server, serve, data, page, context, options.tests);
      Workbench.running.add(workbench);
      workbench.record(resultFile(`${name}-console.log`));
      return workbench;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** The folder that is open. */
  get folder(): string {
    return this.#folder;
  }

  /** Opens a folder, or a file that names several, and waits until the workbench answers. */
  async open(folder: string): Promise<void> {
    await this.navigate(folder);
    // Now and then the editor's explorer stays empty on a busy machine; who sits before it loads the page again.
    await this.ready(30_000).catch(async () => {
      await this.navigate(folder);
      await this.ready();
    });
  }

  /** Opens a folder, and does not wait for more than the page. */
  async navigate(folder: string): Promise<void> {
    this.#folder = folder;
    const address = new URL(this.server.origin);
    address.searchParams.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', folder);
    if (this.tests) {
      const remote = (file: string) => `vscode-remote://${address.host}${file}`;
      address.searchParams.set('payload', JSON.stringify([['extensionDevelopmentPath', remote(repo)], ['extensionTestsPath', remote(this.tests)]]));
    }
    await this.page.goto(address.href);
  }

  /** Waits until the explorer shows a file: by then the remote connection and its file system are up. */
  async ready(timeout = 60_000): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout });
    await this.page.locator('.explorer-folders-view .monaco-list-row, .part.sidebar .pane-body .monaco-list-row').first().waitFor({ timeout });
  }

  /**
   * Reloads the window: a new extension host, the editors that were open come back. By the command, not the browser's button:
   * the workbench writes down which editors are open every few seconds, later on a busy machine, and the command waits for that.
   */
  async reload(): Promise<void> {
    await Promise.all([this.page.waitForEvent('load'), this.runCommand('Developer: Reload Window')]);
    await this.ready();
  }

  /** Ends the server, does what is to be done while there is none, and starts it again where it was; then the folder is opened anew. */
  async restartServer(meanwhile: () => Promise<void>): Promise<void> {
    const { port } = new URL(this.server.origin);
    await this.server.stop();
    await meanwhile();
    this.current = await this.serve(Number(port));
    await this.open(this.#folder);
  }

  /** The line to type into of what asks at the top of the window: palette, quick pick, input box. */
  private get question(): Locator {
    return this.page.locator('.quick-input-widget input.input');
  }

  /** Whether the question that holds the text closes, or leads to the next. */
  private async accepted(text: string): Promise<boolean> {
    const deadline = Date.now() + 4000;
    while (await this.question.isVisible() && await this.question.inputValue({ timeout: 1000 }).catch(() => '') === text) {
      if (Date.now() > deadline) return false;
      await sleep(20);
    }
    return true;
  }

  /**
   * Opens a list by its key, types, and picks the row of that name: not always the one on top. A list keeps what there was when
   * it opened: a command that is enabled a moment later (trust, a first run), a file that is new, shows when it is opened again.
   */
  private async choose(key: string, text: string, name: string): Promise<void> {
    const row = this.page.locator(`.quick-input-widget .monaco-list-row:is([aria-label="${name}"], [aria-label^="${name}, "])`).first();
    for (let patience = 4000; patience < 30_000; patience *= 2) {
      await this.page.keyboard.press(key);
      try {
        await this.question.fill(text, { timeout: patience });
        await row.click({ timeout: patience });
        if (await this.accepted(text)) return;
      } catch { /* it is not there yet, or has closed */ }
      await this.page.keyboard.press('Escape');
    }
    throw new Error(`${key} does not offer "${name}".`);
  }

  /** Runs a command by its full title through the palette. */
  async runCommand(title: string): Promise<void> {
    await this.choose('F1', `>${title}`, title);
  }

  /** Picks the row with this text in the quick pick that is open. */
  async pick(text: string | RegExp): Promise<void> {
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: text }).first();
    await row.waitFor({ timeout: 30_000 });
    await row.click();
  }

  /** Types into the question that is open, and accepts it. */
  async answer(text: string): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      await this.question.fill(text);
      await this.question.press('Enter');
      if (await this.accepted(text)) return;
      if (Date.now() > deadline) throw new Error(`"${text}" is no answer to what the window asks.`);
    }
  }

  /** Shows a view container of the activity bar by its title. */
  async showContainer(title: string): Promise<void> {
    const entry = this.page.locator(`.activitybar .action-item a[aria-label^="${title}"]`);
    await entry.waitFor({ timeout: 20_000 });
    // A badge may cover the icon.
    if (await entry.getAttribute('aria-expanded') !== 'true') await entry.locator('xpath=..').click();
  }

  /** Rows of the side bar that contain the text. */
  treeRow(text: string | RegExp): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row', { hasText: text });
  }

  /**
   * Chooses an item of the context menu of a row. What takes the focus closes a menu; and it takes no click in its first 0.1 s, lest the
   * one that opened it chooses.
   */
  async chooseInMenu(row: Locator, item: string): Promise<void> {
    const entry = this.page.locator('.monaco-menu .action-item', { hasText: item });
    await until(`"${item}" in the menu`, async () => {
      await row.click({ button: 'right' });
      return entry.hover({ timeout: 5000 }).then(() => true, () => this.page.keyboard.press('Escape').then(() => false));
    });
    await this.page.keyboard.press('Enter');
    await entry.waitFor({ state: 'detached' });
  }

  /** What is shown after lines: a style draws it, and it is no text of the page. */
  afterLines(): Promise<string[]> {
    return this.page.evaluate(() => [...document.querySelectorAll('.monaco-editor .view-line span[class*="ced-"]')]
      .map((span) => getComputedStyle(span, '::after').content).filter((content) => content !== 'none'));
  }

  /** The toast that contains the text. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  /** Writes a file into the open folder. */
  write(name: string, text: string): void {
    writeFiles(this.#folder, { [name]: text });
  }

  /** Opens a file of the open folder in an editor. */
  async openFile(name: string): Promise<void> {
    await this.choose('Control+P', name, path.basename(name));
    await this.page.locator('.tab', { hasText: path.basename(name) }).first().waitFor();
  }

  /**
   * The frame of the webview whose document has an element for this selector. The first webview of a workbench takes
   * 4–6 s. A frame is gone after a reload: ask again.
   */
  async webview(selector: string, timeout = 30_000): Promise<Frame> {
    const deadline = Date.now() + timeout;
    for (;;) {
      for (const frame of this.page.frames().filter((each) => each.url().includes('fake.html'))) {
        // A frame that is navigating away cannot be asked; the next round finds its successor.
        if (await frame.evaluate((wanted) => document.querySelector(wanted) !== null, selector).catch(() => false)) return frame;
      }
      if (Date.now() > deadline) {
        throw new Error(`No webview has ${selector} after ${timeout / 1000} s; frames:\n${this.page.frames().map((frame) => frame.url()).join('\n')}`);
      }
      await sleep(100);
    }
  }

  /** Changes the colour theme through the folder's settings, which needs no restart. */
  async setTheme(theme: Theme): Promise<void> {
    const file = path.join(this.#folder, '.vscode', 'settings.json');
    const settings = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> : {};
    this.write('.vscode/settings.json', JSON.stringify({ ...settings, 'workbench.colorTheme': theme }, null, 2));
    await this.page.locator(`.monaco-workbench.${themeClass[theme]}`).waitFor();
    await sleep(500); // webviews get their new colours in a message of their own
  }

  /** Process ids of the extension hosts that live. */
  extensionHosts(): number[] {
    return descendants(this.server.pid).filter(({ command }) => command.includes('--type=extensionHost')).map(({ pid }) => pid);
  }

  /** kill -9 of the extension host. The editor starts another within seconds. */
  async killExtensionHost(): Promise<void> {
    const hosts = this.extensionHosts();
    if (hosts.length === 0) throw new Error('No extension host to kill.');
    for (const pid of hosts) process.kill(pid, 'SIGKILL');
    const deadline = Date.now() + 10_000;
    while (this.extensionHosts().some((pid) => hosts.includes(pid))) {
      if (Date.now() > deadline) throw new Error(`Extension host ${hosts.join(', ')} lives after SIGKILL.`);
      await sleep(50);
    }
  }

  /**
   * Waits for the host after a killed one, with an extension in it that has this in the status bar. Until that has told what it can
   * restore, the editor writes down no panel: a reload in that second would lose the tab.
   */
  async extensionHostBack(item: RegExp): Promise<void> {
    await until('an extension host after the one that was killed', () => this.extensionHosts().length > 0);
    await this.page.locator('.statusbar-item', { hasText: item }).waitFor();
  }

  /** A picture of the whole window, kept as test-results/<name>.png; returns its path. */
  async screenshot(name: string): Promise<string> {
    const file = resultFile(`${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  async stop(): Promise<void> {
    Workbench.running.delete(this);
    await this.context.close();
    await this.server.stop();
  }

  private record(file: string): void {
    writeFileSync(file, '');
    this.page.on('console', (message) => appendFileSync(file, `${message.type()}: ${message.text()}\n`));
    this.page.on('pageerror', (error) => appendFileSync(file, `page error: ${error.stack ?? error.message}\n`));
    this.page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith('http') && !/^(127\.0\.0\.1|localhost)$|\.vscode-resource\.vscode-cdn\.net$/.test(hostname)) this.strangers.add(hostname);
    });
  }
}
