// Before the page is painted: the colours that the system asks for, where the person has not chosen.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const put = () => document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  put();
  dark.addEventListener("change", put);
})();
