const player = document.querySelector("sluice-player");
const list = document.querySelector("ol");

for (const name of ["live", "behind", "ended", "error", "rendition"]) {
  player.addEventListener(name, ({ detail }) => {
    const item = document.createElement("li");
    item.textContent = detail === null ? name : `${name}: ${JSON.stringify(detail)}`;
    list.append(item);
  });
}

player.addEventListener("screen", ({ detail }) => {
  document.title = `${detail.badge} · A page with a player`;
});
