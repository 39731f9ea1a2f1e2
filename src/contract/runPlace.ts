/* Whether a record speaks of this machine: what its process numbers and its boot mean here. */

export interface Machine {
  readonly host: string;
  /** Changes when the machine restarts, and only then. */
  readonly bootId: string;
  /** In another container the same pid is another process; undefined where the system knows no such thing. */
  readonly pidNamespace: string | undefined;
}

/** What a supervisor noted down of the machine that it runs on. Older versions noted less. */
export interface Origin {
  readonly host?: string | undefined;
  readonly bootId?: string | null | undefined;
  readonly pidNamespace?: string | null | undefined;
}

export interface Place {
  readonly sameHost: boolean;
  readonly sameBoot: boolean;
}

/** The boot of a system that does not tell. */
export const UNKNOWN_BOOT = 'unknown';

/**
 * Seen from `machine`: whether the process numbers of a record are ours, and whether there has been no restart since. The
 * trainer's identity.py concludes alike: test/fixtures/run-states.json holds for both.
 */
export function placeOf({ host, bootId, pidNamespace }: Origin, machine: Machine): Place {
  // A record without the field is of an older version, and one with null of a system without namespaces: a host that sees
  // into a container or a virtual machine of the same name sees other processes under its numbers.
  const sameHost = host === machine.host && (pidNamespace === undefined || (pidNamespace ?? undefined) === machine.pidNamespace);
  const told = (boot: string | null | undefined): boolean => typeof boot === 'string' && boot !== '' && boot !== UNKNOWN_BOOT;
  const restarted = told(bootId) && told(machine.bootId) && bootId !== machine.bootId;
  return { sameHost, sameBoot: sameHost && !restarted };
}
