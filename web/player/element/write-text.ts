/** Puts `text` into `element`: what is written anew is read out anew. */
export function writeText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
