/**
 * Passwords as PHC strings of argon2id, behind one small port: native code on a server, WebAssembly
 * on an edge. Both read each other's strings.
 * @see RFC 9106
 */
import { PASSWORD_FORM } from "#shared/contracts/accounts.ts";
import { AppError } from "#shared/errors.ts";

export interface PasswordHasher {
  /** A PHC string, `$argon2id$v=19$…`. @throws AppError UNAVAILABLE when too many wait */
  hash(password: string): Promise<string>;
  /** @throws AppError UNAVAILABLE when too many wait */
  verify(phc: string, password: string): Promise<boolean>;
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane; 18–24 ms here. */
export const ARGON2ID = { memoryKiB: 19_456, passes: 2, lanes: 1, hashBytes: 32 } as const;

/** A hash of nothing anyone can type, with the same parameters: what an unknown name is checked against. */
export const UNKNOWN_USER_PHC = "$argon2id$v=19$m=19456,t=2,p=1$c2x1aWNlLXVua25vd24tdXNlcg$" +
  "zXbGJ5d0yL1mQ9r8o7n6p5q4s3t2u1v0wXyZaBcDeFg";

/** `raw`: it fits only as it was typed, so its hash is older than the form passwords have now. */
export type PasswordFit = "normalised" | "raw" | "none";

/**
 * How `typed` fits `phc`. What is computed hangs on `typed` alone as long as nothing fits, so a wrong
 * password takes the same time whether `phc` is a user's or `UNKNOWN_USER_PHC`.
 * @throws AppError UNAVAILABLE when too many wait
 */
export async function fitPassword(
  hasher: PasswordHasher,
  phc: string,
  typed: string,
): Promise<PasswordFit> {
  const normalised = typed.normalize(PASSWORD_FORM);
  if (await hasher.verify(phc, normalised)) return "normalised";
  if (normalised === typed) return "none";
  return await hasher.verify(phc, typed) ? "raw" : "none";
}

const MAX_WAITING = 256;

/**
 * `hasher` with at most `slots` computations at a time, first come first served: a burst of logins
 * then costs latency, not every core and 19 MiB each.
 */
export function limitHasher(hasher: PasswordHasher, slots: number): PasswordHasher {
  const waiting: (() => void)[] = [];
  let free = Math.max(1, slots);
  const run = async <T>(compute: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await waitForSlot(waiting);
    try {
      return await compute();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
  return {
    hash: (password) => run(() => hasher.hash(password)),
    verify: (phc, password) => run(() => hasher.verify(phc, password)),
  };
}

function waitForSlot(waiting: (() => void)[]): Promise<void> {
  if (waiting.length >= MAX_WAITING) {
    throw new AppError("UNAVAILABLE", "too many passwords are being checked", { retryAfterS: 1 });
  }
  return new Promise((resolve) => waiting.push(resolve));
}
