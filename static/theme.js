// Runs before the page is painted: the theme a person chose, and whether
// there is JavaScript at all.
{
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // storage may be forbidden: the system's theme it is
  }
}
