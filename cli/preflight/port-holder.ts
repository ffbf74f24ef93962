/**
 * Who listens on a TCP port: from /proc on Linux, from lsof elsewhere.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";

export type PortHolder = { readonly pid: number; readonly name: string };

/** The process that listens on `port`, or null when it cannot be seen from here. */
export async function findPortHolder(port: number): Promise<PortHolder | null> {
  if (process.platform !== "linux") return await askLsof(port);
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(table, "utf8").catch(() => "");
    for (const inode of listeningInodes(text, port)) inodes.add(inode);
  }
  return inodes.size === 0 ? null : await findOwner(inodes);
}

/** Inodes of the sockets in a /proc/net/tcp table that listen on `port`. @see proc_net_tcp(5) */
export function listeningInodes(table: string, port: number): readonly string[] {
  const LISTEN = "0A";
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").slice(1).flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTEN && local?.endsWith(suffix) === true && inode !== undefined
      ? [inode]
      : [];
  });
}

async function findOwner(inodes: ReadonlySet<string>): Promise<PortHolder | null> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "a process");
      return { pid: Number(pid), name: name.trim() };
    }
  }
  return null;
}

function askLsof(port: number): Promise<PortHolder | null> {
  const args = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"];
  return new Promise((resolve) => {
    execFile("lsof", args, { timeout: 3000 }, (error, stdout) => {
      const pid = /^p(\d+)$/m.exec(stdout)?.[1];
      const name = /^c(.+)$/m.exec(stdout)?.[1];
      if (error !== null || pid === undefined) return resolve(null);
      resolve({ pid: Number(pid), name: name ?? "a process" });
    });
  });
}
