/**
 * As whom a Postgres server runs. It refuses to run as root, so root hands it to an unprivileged
 * user, who must be able to reach the programs and the data.
 */
import { existsSync } from "node:fs";
import { chown, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

export type Identity = { readonly uid: number; readonly gid: number };

/** `nobody` on Linux and the user every system keeps free of privileges. */
const NOBODY: Identity = { uid: 65534, gid: 65534 };

/** Who the server has to run as, or null when that is simply us. */
export function serverIdentity(): Identity | null {
  return process.getuid?.() === 0 ? NOBODY : null;
}

/** Gives `path` to `identity`, when there is one. */
export async function giveTo(identity: Identity | null, path: string): Promise<void> {
  if (identity !== null) await chown(path, identity.uid, identity.gid);
}

/** Whether `identity` may walk down to `directory`, which exists. */
export async function isReachable(identity: Identity | null, directory: string): Promise<boolean> {
  if (identity === null) return true;
  for (let path = resolve(directory);; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path);
    const searchBit = uid === identity.uid ? 0o100 : gid === identity.gid ? 0o010 : 0o001;
    if ((mode & searchBit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
};

/**
 * The command that runs `file` as `identity` and, where the system can (Linux), sends it
 * `deathSignal` when we die. The kernel forgets that signal when the user changes, so `setpriv`
 * does both in the right order.
 */
export function commandAs(
  identity: Identity | null,
  command: { readonly file: string; readonly args: readonly string[] },
  deathSignal: "INT" | "KILL",
): Command {
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  if (setpriv === undefined) return { ...command, ...identity };
  const drop = identity === null
    ? []
    : [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, "--clear-groups"];
  return {
    file: setpriv,
    args: [...drop, "--pdeathsig", deathSignal, "--", command.file, ...command.args],
  };
}
