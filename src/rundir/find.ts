import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isRunId } from './layout';

/** No run, or more than one, is what was named. The message is a sentence for the user. */
export class NoSuchRun extends Error {
  override readonly name = 'NoSuchRun';
}

/** The folder of the run that a person means: by its id, the unique beginning of one, `latest`, or a path. Rejects with NoSuchRun. */
export async function findRun(runsFolder: string, text: string): Promise<string> {
  if (/[\\/]/.test(text)) {
    const dir = path.resolve(text);
    const isFolder = await stat(dir).then((info) => info.isDirectory(), () => false);
    if (isFolder && isRunId(path.basename(dir))) return dir;
    throw new NoSuchRun(`${dir} is not the folder of a run.`);
  }
  const ids = (await readdir(runsFolder).catch(() => [])).filter(isRunId).sort();
  const latest = ids.at(-1);
  if (latest === undefined) throw new NoSuchRun(`There are no runs in ${runsFolder}. Name another folder with --runs.`);
  if (text === 'latest') return path.join(runsFolder, latest);
  const matches = ids.includes(text) ? [text] : ids.filter((id) => id.startsWith(text));
  const [match, second] = matches;
  if (match === undefined) throw new NoSuchRun(`No run's id begins with "${text}" in ${runsFolder}. The newest is ${latest}.`);
  if (second !== undefined) throw new NoSuchRun(`The ids of ${matches.length} runs begin with "${text}": ${matches.slice(-3).join(', ')}${matches.length > 3 ? ', …' : ''}.`);
  return path.join(runsFolder, match);
}
