/**
 * From what is wrong right now to issues that have a beginning and an end.
 */
import {
  describeIssue,
  type Finding,
  type Issue,
  type IssueCode,
  issueCodeSchema,
} from "#shared/contracts/issues.ts";
import type { Logger } from "#shared/log.ts";

/**
 * An issue is over when nothing was found for so long: what is measured over some seconds swings about
 * its threshold in less, and a broadcaster who mends it still sees it go soon.
 */
const OVER_AFTER_MS = 10_000;

type Open = { readonly issue: Issue; readonly foundAtMs: number };

/** The issues of one broadcast. Each change is logged once. */
export class IssueLog {
  readonly #log: Logger;
  readonly #open = new Map<IssueCode, Open>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The issues now, in the order of the list of codes; of several findings of a code the first counts.
   * `nowMs` is a clock that never jumps, `at` the wall clock.
   */
  note(findings: readonly Finding[], nowMs: number, at: Date): Issue[] {
    const found = new Set<IssueCode>();
    for (const finding of findings) {
      if (found.has(finding.code)) continue;
      found.add(finding.code);
      this.#find(finding, nowMs, at);
    }
    for (const [code, { issue, foundAtMs }] of this.#open) {
      if (nowMs - foundAtMs < OVER_AFTER_MS) continue;
      this.#open.delete(code);
      const { since } = issue;
      const durationS = Math.round((at.getTime() - Date.parse(since)) / 1000);
      this.#log.info("broadcast.issue_over", { code, since, durationS });
    }
    return issueCodeSchema.options.flatMap((code) => this.#open.get(code)?.issue ?? []);
  }

  #find(finding: Finding, nowMs: number, at: Date): void {
    const before = this.#open.get(finding.code);
    const issue = describeIssue(finding, before?.issue.since ?? at.toISOString());
    this.#open.set(finding.code, { issue, foundAtMs: nowMs });
    if (before !== undefined) return;
    const { code, severity, sentence, advice } = issue;
    const level = severity === "info" ? "info" : "warn";
    this.#log[level]("broadcast.issue_began", { code, sentence, advice });
  }
}
