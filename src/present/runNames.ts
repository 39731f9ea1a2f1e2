const timeOf = (id: string): string => /^\d{8}-\d{6}/.exec(id)?.[0] ?? id;

/**
 * Names of runs by which they can be told apart: where several share one, the time when they were started stands behind it, or all of
 * the id where a script started them in the same second.
 */
export function tellApart(runs: readonly { readonly id: string; readonly name: string }[]): string[] {
  return runs.map(({ id, name }) => {
    const namesakes = runs.filter((other) => other.name === name && other.id !== id);
    if (namesakes.length === 0) return name;
    return `${name} ${namesakes.some((other) => timeOf(other.id) === timeOf(id)) ? id : timeOf(id)}`;
  });
}
