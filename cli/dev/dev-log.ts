/**
 * The log of `sluice dev`: JSON lines for machines, short lines for the person at a terminal.
 */
import type { LogFields, LogLine } from "#shared/log.ts";
import type { Terminal } from "../terminal.ts";

export type DevLog = {
  readonly write: (line: LogLine & LogFields) => void;
  /** Switches the quiet events of a terminal on and off; tells what it is now. */
  readonly toggle: () => boolean;
};

/** On a terminal only warnings and the life of broadcasts are shown until `toggle`. */
export function createDevLog(terminal: Terminal, startedAtMs: number): DevLog {
  let showsAll = false;
  const write = (line: LogLine & LogFields) => {
    if (!terminal.isInteractive) return terminal.say(JSON.stringify(line));
    const isNews = line.level === "warn" || line.level === "error" ||
      /^(broadcast|publisher|demo)\./.test(line.event);
    if (showsAll || isNews) terminal.say(renderLine(line, terminal, startedAtMs));
  };
  return {
    write,
    toggle: () => showsAll = !showsAll,
  };
}

function renderLine(line: LogLine & LogFields, terminal: Terminal, startedAtMs: number): string {
  const { style } = terminal;
  const { level, time, event, ...facts } = line;
  const { words, fields } = wordIssue(event, facts);
  const marks = { debug: "·", info: style.good("●"), warn: style.warn("▲"), error: style.bad("✗") };
  const details = Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const since = renderElapsed(new Date(time).getTime() - startedAtMs);
  return `[${since}] ${marks[level]} ${words} ${style.dim(details.join(" "))}`;
}

/** An issue that begins is said in its own words; every other event by its name. */
function wordIssue(event: string, facts: LogFields): { words: string; fields: LogFields } {
  if (event !== "broadcast.issue_began") return { words: event, fields: facts };
  const { sentence, advice, ...fields } = facts;
  return { words: `${String(sentence)} ${String(advice)}`, fields };
}

/** `83000` → `1:23`. */
export function renderElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
