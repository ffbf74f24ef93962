import { expect, test } from "vitest";
import { limitHasher, type PasswordHasher, UNKNOWN_USER_PHC } from "./password.ts";
import { nativeHasher } from "./password-native.ts";
import { wasmHasher } from "./password-wasm.ts";

const HASHERS: Record<string, PasswordHasher> = { native: nativeHasher, wasm: wasmHasher };

test.each(Object.keys(HASHERS))("%s: hashes to argon2id with our parameters", async (name) => {
  const hasher = HASHERS[name] ?? nativeHasher;
  const phc = await hasher.hash("pässword");
  expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(await hasher.hash("pässword")).not.toBe(phc);
});

test.each([["native", "wasm"], ["wasm", "native"]])(
  "%s reads what %s wrote",
  async (reader, writer) => {
    const phc = await HASHERS[writer]?.hash("shared") ?? "";
    expect(await HASHERS[reader]?.verify(phc, "shared")).toBe(true);
    expect(await HASHERS[reader]?.verify(phc, "shared ")).toBe(false);
  },
);

test.each(Object.keys(HASHERS))(
  "%s: the hash for unknown users parses and never fits",
  async (name) => {
    for (const password of ["x", "password"]) {
      expect(await HASHERS[name]?.verify(UNKNOWN_USER_PHC, password)).toBe(false);
    }
  },
);

test("limitHasher() computes as many at once as it has slots, and refuses when too many wait", async () => {
  let running = 0;
  let most = 0;
  let done = 0;
  const release: (() => void)[] = [];
  const limited = limitHasher({
    hash: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => release.push(resolve));
      running -= 1;
      done += 1;
      return "phc";
    },
    verify: () => Promise.reject(new Error("broken")),
  }, 2);
  const waiting = Array.from({ length: 258 }, () => limited.hash("x"));
  await expect(limited.hash("x")).rejects.toThrow("UNAVAILABLE");
  while (done < waiting.length) {
    release.shift()?.();
    await Promise.resolve();
  }
  expect(await Promise.all(waiting)).toHaveLength(258);
  expect(most).toBe(2);
  // A failure gives its slot back.
  for (let count = 0; count < 3; count += 1) {
    await expect(limited.verify("", "")).rejects.toThrow("broken");
  }
});
