/**
 * Memory of libvips: glibc gives every thread an arena of its own and rarely returns what is free in
 * it, so a resizer grows with the number of its threads.
 */
import { dlopen, FFIType } from "bun:ffi";

/** `mallopt(3)`: the parameter `M_ARENA_MAX`. */
const M_ARENA_MAX = -8;

/**
 * Limits glibc to two arenas, as `MALLOC_ARENA_MAX=2` would, but from inside the process, before
 * libvips starts its threads. Does nothing where there is no glibc.
 */
export function limitMallocArenas(): void {
  if (process.platform !== "linux") return;
  try {
    const libc = dlopen("libc.so.6", {
      mallopt: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    });
    libc.symbols.mallopt(M_ARENA_MAX, 2);
  } catch {
    // musl: one arena for all threads anyway.
  }
}
