import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repo } from '../../harness/paths';

interface Entry { readonly command: string; readonly when?: string; readonly key?: string }
interface Contributes {
  readonly commands: readonly { readonly command: string; readonly enablement?: string }[];
  readonly menus: Readonly<Record<string, readonly Entry[]>>;
  readonly keybindings: readonly Entry[];
  readonly configurationDefaults: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
}

describe('what the manifest binds', () => {
  const { contributes } = JSON.parse(readFileSync(path.join(repo, 'package.json'), 'utf8')) as { readonly contributes: Contributes };

  it('offers to run files on disk alone: another version of a config, in a diff say, is none', () => {
    const entries = Object.values(contributes.menus).flat().filter(({ when }) => when?.includes('resourceFilename'));
    assert.ok(entries.length > 0);
    for (const { command, when } of entries) assert.match(when ?? '', /resourceScheme == file/, command);
  });

  it('takes no letter from somebody who types: such keys work in documents that nobody can edit', () => {
    const letters = contributes.keybindings.filter(({ key }) => /^(?:shift\+)?[a-z]$/.test(key ?? ''));
    assert.ok(letters.length > 0);
    for (const { command, when } of letters) assert.match(when ?? '', /resourceScheme == minillm(?:$| )/, command);
  });

  it('offers in the palette what is about runs only where there are some: what is left answers for itself', () => {
    const { commandPalette = [] } = contributes.menus;
    const hidden = new Map(commandPalette.map(({ command, when }) => [command, when ?? '']));
    const needsRuns = /minillm\.(?:hasRuns|activeRuns)|editorLangId|^false$/;
    const always = contributes.commands.filter(({ command, enablement = '' }) => !needsRuns.test(enablement) && !needsRuns.test(hidden.get(command) ?? ''));
    assert.deepEqual(always.map(({ command }) => command.replace('minillm.', '')).sort(), [
      'checkConfig', 'collectDiagnostics', 'doctor', 'newConfig', 'openDemo', 'openRunsFolder', 'run', 'selectPython', 'setUpPython',
    ]);
    for (const { command, enablement } of always) {
      // What starts a process, or reads what a folder names as one.
      if (!/newConfig|openRunsFolder|collectDiagnostics/.test(command)) assert.match(enablement ?? '', /isWorkspaceTrusted/, command);
    }
  });

  it('keeps the editor from watching runs, and no other folder of that name', () => {
    const globs = Object.keys(contributes.configurationDefaults['files.watcherExclude'] ?? {});
    assert.ok(globs.length > 0);
    for (const glob of globs) assert.match(glob, /^\*\*\/runs\/(?:\[0-9\]){8}-\*\//);
  });
});
