import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { collectProvenance, withoutCredentials } from '../../../src/launch/provenance';
import { temporaryFolder } from '../../harness/paths';

describe('provenance', () => {
  let workspace: string;
  let into: string;

  const git = (...args: string[]): string => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: workspace, encoding: 'utf8' }).trim();
  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(path.dirname(path.join(workspace, name)), { recursive: true });
    writeFileSync(path.join(workspace, name), content);
  };

  beforeEach(() => {
    workspace = temporaryFolder('workspace');
    into = temporaryFolder('provenance');
  });
  afterEach(() => [workspace, into].forEach((folder) => rmSync(folder, { recursive: true })));

  function commit(): string {
    git('init', '-q', '-b', 'work');
    write('train.txt', 'one\ntwo\n');
    write('latin.txt', Buffer.from([0x67, 0x72, 0xfc, 0xdf, 0x65, 0x0a]));
    write('weights.bin', Buffer.from([0, 1, 2, 255]));
    git('add', '.');
    git('commit', '-qm', 'first');
    return git('rev-parse', 'HEAD');
  }

  it('names commit, branch and remote of a clean repository, and keeps no patch', async () => {
    const head = commit();
    git('remote', 'add', 'origin', 'https://me:secret@example.org/group/repo.git?private_token=abc');
    assert.deepEqual(await collectProvenance(workspace, into), {
      git: true, reason: null, commit: head, branch: 'work', remote: 'https://example.org/group/repo.git', dirty: false, patch: null, untracked: [], untrackedLeftOut: [],
    });
    assert.equal(existsSync(path.join(into, 'dirty.patch')), false);
  });

  it('keeps a patch that gives back every byte: text of any encoding, binary files, staged and not', async () => {
    const head = commit();
    write('train.txt', 'one\nthree\n');
    write('latin.txt', Buffer.from([0x67, 0x72, 0xfc, 0xdf, 0x65, 0x72, 0x0a]));
    write('weights.bin', Buffer.from([0, 9, 9, 254, 10, 13]));
    write('added.txt', 'staged\n');
    git('add', 'added.txt', 'weights.bin');
    const changed = ['train.txt', 'latin.txt', 'weights.bin', 'added.txt'].map((name) => readFileSync(path.join(workspace, name)));

    const found = await collectProvenance(workspace, into);
    assert.deepEqual([found.commit, found.dirty, found.patch], [head, true, 'provenance/dirty.patch']);
    git('reset', '-q', '--hard');
    git('apply', path.join(into, 'dirty.patch'));
    assert.deepEqual(['train.txt', 'latin.txt', 'weights.bin', 'added.txt'].map((name) => readFileSync(path.join(workspace, name))), changed);
  });

  it('keeps small untracked text, and only names what is binary, large, linked, secret or ignored', async () => {
    commit();
    write('.gitignore', 'ignored/\n');
    write('ignored/x.txt', 'x');
    write('notes/größer name.md', 'kept\n');
    write('data.bin', Buffer.from([1, 0, 2]));
    write('large.txt', 'x'.repeat((1 << 20) + 1));
    write('.env', 'HF_TOKEN=hf_abc\n');
    write('server.pem', 'key');
    symlinkSync('/etc/passwd', path.join(workspace, 'link'));
    const found = await collectProvenance(workspace, into);
    assert.deepEqual([...found.untracked].sort(), ['.gitignore', 'notes/größer name.md']);
    assert.deepEqual([...found.untrackedLeftOut].sort(), ['.env', 'data.bin', 'large.txt', 'link', 'server.pem']);
    assert.deepEqual([found.dirty, found.patch], [true, null]);
    assert.equal(readFileSync(path.join(into, 'untracked', 'notes', 'größer name.md'), 'utf8'), 'kept\n');
    for (const name of found.untrackedLeftOut) assert.equal(existsSync(path.join(into, 'untracked', name)), false);
  });

  it('keeps no secret that stands in what it keeps, and everything else to the byte', async () => {
    commit();
    write('.env', 'HF_TOKEN=old\n');
    git('add', '-f', '.env');
    git('commit', '-qm', 'a secret that should not have been');
    const secret = 'q8Zk2vLm9XwT4rNp';
    write('.env', `HF_TOKEN=${secret}\n`);
    const kept = ['HF_TOKEN = os.environ["HF_TOKEN"]', 'SORT_KEY = lambda row: row', 'MAX_TOKENS=25600000', 'cache_key = "abcdefgh"', 'gr\u00fc\u00dfe'];
    const hidden = [`WANDB_API_KEY = "${secret}"`, `{"MY_TOKEN": '${secret}'}`, `export AWS_SECRET_KEY=${secret}`, `login(hf_${secret})`];
    write('train.txt', Buffer.from([...kept, ...hidden, ''].join('\n'), 'latin1'));
    write('new.py', Buffer.from([...kept, ...hidden, ''].join('\n'), 'latin1'));
    const found = await collectProvenance(workspace, into);
    assert.deepEqual([found.dirty, found.untracked, found.untrackedLeftOut], [true, ['new.py'], ['.env']]);
    assert.equal(statSync(path.join(into, 'dirty.patch')).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(into, 'untracked', 'new.py')).mode & 0o777, 0o600);
    const patch = readFileSync(path.join(into, 'dirty.patch'), 'latin1');
    const copy = readFileSync(path.join(into, 'untracked', 'new.py'), 'latin1');
    for (const text of [patch, copy]) {
      assert.ok(!text.includes(secret), text);
      for (const line of kept) assert.ok(text.includes(line), line);
    }
    git('checkout', '-q', '--', '.');
    git('apply', path.join(into, 'dirty.patch'));
    assert.equal(readFileSync(path.join(workspace, 'train.txt'), 'latin1'), copy);
  });

  it('keeps 20 MB of untracked files in all, and names the rest', async () => {
    commit();
    for (let i = 0; i < 25; i++) write(`part-${String(i).padStart(2, '0')}.txt`, 'x'.repeat(1_000_000));
    const found = await collectProvenance(workspace, into);
    assert.equal(found.untracked.length, 20);
    assert.equal(found.untrackedLeftOut.length, 5);
  });

  it('sees the whole repository from a folder within it', async () => {
    const head = commit();
    write('train.txt', 'changed\n');
    write('sub/new.txt', 'new\n');
    const found = await collectProvenance(path.join(workspace, 'sub'), into);
    assert.deepEqual([found.commit, found.patch, found.untracked], [head, 'provenance/dirty.patch', ['sub/new.txt']]);
  });

  it('says so where there is no commit, no branch, no repository, or no git', async () => {
    assert.deepEqual((await collectProvenance(workspace, into)).reason, 'The workspace is not in a git repository.');
    git('init', '-q', '-b', 'work');
    write('staged.txt', 'x\n');
    git('add', '.');
    const unborn = await collectProvenance(workspace, into);
    assert.deepEqual([unborn.git, unborn.reason, unborn.commit, unborn.branch, unborn.patch],
      [true, 'The repository has no commit yet.', null, 'work', 'provenance/dirty.patch']);
    git('commit', '-qm', 'first');
    git('checkout', '-q', '--detach');
    assert.deepEqual([(await collectProvenance(workspace, into)).branch], [null]);

    const { PATH } = process.env;
    process.env['PATH'] = into;
    try {
      assert.deepEqual(await collectProvenance(workspace, into).then(({ git: known, reason }) => [known, reason]), [false, 'git is not installed.']);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  it('never lets a run fail: a repository that git refuses is a reason', async () => {
    commit();
    writeFileSync(path.join(workspace, '.git', 'index'), 'garbage');
    const found = await collectProvenance(workspace, into);
    assert.equal(found.git, false);
    assert.match(found.reason ?? '', /^git could not tell: .+/);
  });

  it('takes credentials out of every form of address', () => {
    const forms: readonly (readonly [string, string])[] = [
      ['https://user:pass@host.org/a/b.git', 'https://host.org/a/b.git'],
      ['https://ghp_token@host.org/a', 'https://host.org/a'],
      ['ssh://git@host.org:22/a/b', 'ssh://host.org:22/a/b'],
      ['git@host.org:a/b.git', 'host.org:a/b.git'],
      ['host.org:a/b.git', 'host.org:a/b.git'],
      ['/srv/git/a.git', '/srv/git/a.git'],
      ['../a@b/c', '../a@b/c'],
      ['file:///srv/git/a.git', 'file:///srv/git/a.git'],
    ];
    for (const [address, shown] of forms) assert.equal(withoutCredentials(address), shown);
  });
});
