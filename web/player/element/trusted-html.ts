/**
 * Markup of our own for pages that take none without a policy (Trusted Types).
 * @see https://www.w3.org/TR/trusted-types/
 */

/** To be allowed by such a page's `trusted-types`, where it has that directive. */
const POLICY = "sluice-player";

type TrustedTypes = {
  createPolicy(name: string, rules: { createHTML(text: string): string }): {
    createHTML(text: string): string;
  };
};

/** `text`, which holds nothing of a stranger's, as the page wants it. @throws when it wants none of ours */
export function trustedHtml(text: string): string {
  policy ??= createPolicy();
  return policy.createHTML(text);
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

function createPolicy(): ReturnType<TrustedTypes["createPolicy"]> {
  const rules = { createHTML: (text: string) => text };
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  return trustedTypes?.createPolicy(POLICY, rules) ?? rules;
}
