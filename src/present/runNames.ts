/** Names of runs by which they can be told apart: where several share one, the time when they were started stands behind it. */
export function tellApart(runs: readonly { readonly id: string; readonly name: string }[]): string[] {
  return runs.map(({ id, name }) => {
    const [time] = /^\d{8}-\d{6}/.exec(id) ?? [id];
    return runs.some((other) => other.name === name && other.id !== id) ? `${name} ${time}` : name;
  });
}
