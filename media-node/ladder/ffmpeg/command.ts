/**
 * How a helper program is started: found on PATH, cheap for the rest of the machine, and gone with us.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/** The environment of every child: PATH alone, so that no secret can leak into it. */
export function childEnv(path: string | undefined = process.env["PATH"]): { PATH: string } {
  return { PATH: path ?? DEFAULT_PATH };
}

/** The absolute path of `name`, or null when it is not an executable on PATH. */
export function findExecutable(name: string): string | null {
  const places = name.includes("/")
    ? [name]
    : childEnv().PATH.split(delimiter).filter(isAbsolute).map((folder) => join(folder, name));
  return places.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let wrapper: readonly string[] | undefined;

/**
 * What to put before a command: the kernel kills the child when we die, even by SIGKILL (`setpriv`,
 * Linux), and the API on the same machine comes first (`nice`). Programs that are missing are left out.
 */
export function childWrapper(): readonly string[] {
  wrapper ??= [
    ...wrap("setpriv", ["--pdeathsig", "KILL"]),
    ...wrap("nice", ["-n", "10"]),
  ];
  return wrapper;
}

function wrap(name: string, args: readonly string[]): readonly string[] {
  const path = findExecutable(name);
  return path === null ? [] : [path, ...args];
}
