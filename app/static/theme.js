// Before the first paint: dark where the device is, unless the person chose.
{
  const root = document.documentElement;
  if (root.dataset.bsTheme === "auto") {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
    dark.addEventListener("change", follow);
    follow();
  }
}
