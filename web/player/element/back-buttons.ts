/**
 * The way back out of a submenu as a menu may hold it: a menu item, whose name begins with what it says.
 * @see WCAG 2.2, 2.5.3
 */

/** Mends the submenus below `controls`, once they are connected. */
export function mendBackButtons(controls: HTMLElement): void {
  for (const submenu of controls.querySelectorAll("[slot=submenu]")) {
    const back = submenu.shadowRoot?.querySelector("[part~=back]") ?? null;
    if (back === null) continue;
    const title = submenu.querySelector("[slot=title]")?.textContent ?? "";
    back.role = "menuitem";
    back.ariaLabel = `${title}: ${back.ariaLabel ?? ""}`;
  }
}
