/**
 * How a helper program is started: found on PATH, and gone with us.
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
 * Linux); left out where it is missing.
 *
 * A niceness is not among it: it yields to everybody. The default ladder of a 720p30 source needs a
 * fifth of two cores; beside four busy loops it got 4 % at niceness 10, 10 % at 5, 18 % at 2 and 20 to
 * 27 % at 0, and at 10 it had 5 to 79 of 420 frames ready in time. The 99th percentile of an HTTP
 * server beside two ladders was 17 to 59 ms at 0 and 8 to 36 ms at 10, on a machine loaded by others.
 * What keeps requests quick is that an encoder has a session of its own (process.ts).
 */
export function childWrapper(): readonly string[] {
  wrapper ??= wrap("setpriv", ["--pdeathsig", "KILL"]);
  return wrapper;
}

function wrap(name: string, args: readonly string[]): readonly string[] {
  const path = findExecutable(name);
  return path === null ? [] : [path, ...args];
}
