// Before the first paint, so that a light wall never flashes dark: ?theme=light|dark, else what the system prefers; ?view=all shows every figure small.
(() => {
  const asked = new URLSearchParams(location.search);
  const theme = asked.get("theme");
  const light = theme === "light" || (theme !== "dark" && matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
  document.documentElement.dataset.view = asked.get("view") === "all" ? "all" : "board";
})();
