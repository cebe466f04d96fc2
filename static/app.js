// What the pages do beyond links, forms and htmx: the theme, uploads with
// their progress, keys on the list of seeds. Without it every form still works.

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

// Theme: what the system says, until a person says otherwise.
{
  const button = $("#theme");
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // for this page only, then
    }
  });
}

// Filters and outlines are open on wide windows and closed on narrow ones.
if (matchMedia("(max-width: 60rem)").matches) {
  for (const details of $$("details[data-narrow-closed]")) details.open = false;
}

// Said to who listens and does not see what changed.
const say = (words) => ($("#said").textContent = words);

// A page that answers a form begins with the answer. An address with a place on
// the page takes the focus there, until all is loaded.
addEventListener("load", () => $("main :is([role=alert], [role=status])[tabindex]")?.focus());

// A menu closes when something else is clicked or gets the focus, and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of $$("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.closest(".panel").remove();
});
document.addEventListener("focusin", (event) => {
  for (const menu of $$("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of $$("details.menu[open]")) {
    menu.open = false;
    $("summary", menu).focus();
  }
});

// Who has the focus keeps it when a part of the page is swapped. Where it went
// with the old part, what is nearest around it and still there takes it.
{
  let around = [];
  document.addEventListener("htmx:before:swap", () => {
    if (document.activeElement === document.body) return;
    around = [];
    for (let at = document.activeElement; at; at = at.parentElement) if (at.id) around.push(at.id);
  });
  document.addEventListener("htmx:after:swap", () => {
    // What is hidden loses the focus only when the page is drawn again.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (document.activeElement !== document.body) return;
      const next = around.map((id) => document.getElementById(id)).find((at) => at?.checkVisibility());
      if (!next) return;
      if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
      next.focus();
    }));
  });
}

// Texts that are there to be copied.
for (const button of $$("[data-copy]")) {
  if (!navigator.clipboard) continue; // only where the connection is trusted
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    say("Copied");
  });
}

// What is selected in a source's text goes into the quotes of a seed that is
// written about it, and along to where that is done.
{
  const selected = () => {
    const selection = getSelection();
    const at = selection.anchorNode?.parentElement?.closest(".text .b");
    return at ? { from: at.id.slice(1), text: selection.toString().trim() } : { text: "" };
  };
  for (const link of $$("a[data-selected-text]")) {
    const plain = link.href;
    const take = () => {
      const { from, text } = selected();
      if (!text || text.length > 1500) return;
      const to = new URL(plain);
      to.search = new URLSearchParams({ from, quote: text });
      link.href = to;
    };
    // Before a click takes the selection away.
    link.addEventListener("pointerdown", () => {
      link.href = plain;
      take();
    });
    link.addEventListener("click", take);
  }
  for (const button of $$("[data-quote]")) {
    button.hidden = false;
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      const { text } = selected();
      if (!text) {
        say("Nothing is selected in the text");
        return;
      }
      const quotes = document.getElementById(button.dataset.quote);
      quotes.value = [quotes.value.trim(), text].filter(Boolean).join("\n\n");
      say("Quoted");
    });
  }
}

// A request that never reached the server.
document.addEventListener("htmx:error", (event) => {
  if (!event.detail.ctx || event.detail.ctx.response) return;
  const panel = document.createElement("div");
  panel.className = "panel bad";
  panel.textContent = "The server did not answer. Is it still running?";
  $("#notice").replaceChildren(panel);
});
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.response?.status < 400) $("#notice").replaceChildren();
});

// A stream that is refused because the login is over: the page leads to it.
for (const name of ["htmx:sse:error", "htmx:response:error"]) {
  document.addEventListener(name, ({ detail }) => {
    if ((detail.status ?? detail.ctx?.response?.status) === 401) location.reload();
  });
}

// Formulas are drawn by a script that only pages with formulas load. A click
// shows one as it was written. What cannot be drawn stays as it is.
{
  const address = document.currentScript.dataset.katex;
  const signs = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];
  let loading;
  const load = () => (loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  }));
  const drawing = (text, alone) => {
    const [open, close, display] = signs.find(([open]) => text.startsWith(open));
    const displayMode = display || alone;
    const drawn = document.createElement("span");
    katex.render(text.slice(open.length, -close.length), drawn, { output: "mathml", displayMode, strict: "ignore", maxSize: 20, maxExpand: 200 });
    return drawn;
  };
  const show = (formula, text) => {
    try {
      const alone = formula.parentElement.matches(".prose > p") && formula.parentElement.textContent.trim() === formula.textContent;
      formula.replaceChildren(drawing(text, alone));
    } catch {
      // left as it was written
    }
  };
  const draw = async () => {
    const found = $$(".tex:not([title])");
    if (!found.length) return;
    await load();
    for (const formula of found) {
      formula.title = formula.textContent;
      show(formula, formula.title);
    }
  };
  document.addEventListener("click", (event) => {
    const formula = event.target.closest(".tex[title]");
    if (!formula || formula.closest("a")) return;
    if ($("math", formula)) formula.textContent = formula.title;
    else show(formula, formula.title);
  });
  document.addEventListener("htmx:after:swap", draw);
  draw();
}

// Uploads: one request a file, two at a time, each with its progress.
{
  const form = $("form[data-upload]");
  if (form) uploads(form);
}

function uploads(form) {
  const input = $("input[type=file]", form);
  const zone = $(".drop", form);
  const list = $(".queue", form);
  const waiting = [];
  let running = 0;
  let stored = 0;
  let problems = [];

  const add = (files) => {
    if (files.length) say("Uploading " + (files.length === 1 ? files[0].name : files.length + " files"));
    for (const file of files) {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = file.name;
      const progress = document.createElement("progress");
      progress.max = 1;
      progress.value = 0;
      progress.setAttribute("aria-label", "Upload of " + file.name);
      const told = document.createElement("span");
      told.className = "say";
      told.textContent = "waiting";
      item.append(name, progress, told);
      list.append(item);
      waiting.push({ file, item, progress, told });
    }
    next();
  };

  const next = () => {
    while (running < 2 && waiting.length > 0) {
      running++;
      send(waiting.shift()).finally(() => {
        running--;
        next();
        if (running > 0) return;
        say([stored === 1 ? "1 file stored" : stored + " files stored", ...problems].join(". "));
        stored = 0;
        problems = [];
      });
    }
  };

  const send = ({ file, item, progress, told }) =>
    new Promise((resolve) => {
      const body = new FormData();
      for (const field of form.elements) {
        if (!field.name || field.type === "file" || !field.value) continue;
        if (field.type === "checkbox" && !field.checked) continue;
        body.append(field.name, field.value);
      }
      body.append("file", file, file.name);
      const request = new XMLHttpRequest();
      request.open("POST", form.dataset.upload);
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => {
        if (!event.lengthComputable) return;
        progress.value = event.loaded / event.total;
        told.textContent = event.loaded < event.total ? Math.floor(progress.value * 100) + " %" : "storing";
      });
      const failed = (words) => {
        item.classList.add("failed");
        told.textContent = words;
        problems.push(file.name + ": " + words);
        resolve();
      };
      request.addEventListener("error", () => failed("The connection broke off. Is the file still there, and the server running?"));
      request.addEventListener("load", () => {
        if (request.status >= 400) {
          const problem = request.response || {};
          const loggedOut = request.status === 401 && "You are logged out. Load the page again to log in.";
          failed(loggedOut || problem.detail || problem.title || "The server answered " + request.status);
          return;
        }
        progress.value = 1;
        stored++;
        told.textContent = request.status === 201 ? "stored" : "was here already";
        setTimeout(() => item.remove(), request.status === 201 ? 2500 : 8000);
        resolve();
      });
      request.send(body);
    });

  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(input.files);
    input.value = "";
  });

  // Files may be dropped anywhere on the page.
  let depth = 0;
  const files = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!files(event)) return;
    depth++;
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!files(event)) return;
    depth--;
    if (depth <= 0) zone.classList.remove("over");
  });
  document.addEventListener("dragover", (event) => {
    if (files(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    zone.classList.remove("over");
    add(event.dataTransfer.files);
  });
}

// Seeds: keys, and selecting many. The settings turn the keys off.
let keys = true;
try {
  keys = localStorage.getItem("keys") !== "off";
} catch {
  // storage may be forbidden: they are on
}
for (const box of $$("[data-keys]")) {
  box.checked = keys;
  box.addEventListener("change", () => {
    keys = box.checked;
    try {
      localStorage.setItem("keys", keys ? "on" : "off");
    } catch {
      // for this page only, then
    }
  });
}
if (!keys) document.documentElement.classList.add("keyless");
document.addEventListener("keydown", (event) => {
  if (!keys || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (!(event.target instanceof Element)) return;
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select");
  if (typing) return;
  if (event.key === "/" && $("#q")) {
    event.preventDefault();
    $("#q").select();
    return;
  }
  const rows = $$("[data-seed]");
  const row = event.target.closest("[data-seed]") || $("#seed");
  if (event.key === "j" || event.key === "k") {
    const at = rows.indexOf(row);
    const to = rows[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
    if (to) {
      event.preventDefault();
      to.focus();
      to.scrollIntoView({ block: "nearest" });
    }
    return;
  }
  if (!row) return;
  if (event.key === "x" && $("input[name=id]", row)) {
    $("input[name=id]", row).click();
    return;
  }
  if (event.key === "Enter" && event.target === row) {
    $("h3 a", row)?.click();
    return;
  }
  const key = /^[ard]$/.test(event.key) && $(`[data-key=${event.key}]`, row);
  if (!key) return;
  event.preventDefault();
  key.click();
  if (event.key === "r") $("button", key.closest("details"))?.focus();
});

// Enter in a box would press the first button of its form: accept what is selected.
document.addEventListener("keypress", (event) => {
  if (event.key === "Enter" && event.target.matches?.("#bulk input, input[form=bulk]")) event.preventDefault();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const box of $$("input[name=id][form=bulk]")) box.checked = event.target.checked;
  }
  selected();
});
document.addEventListener("htmx:after:swap", selected);

function selected() {
  const n = $$("input[name=id][form=bulk]:checked").length;
  const selected = $("[data-selected]");
  if (selected) selected.textContent = n ? n + " selected" : "";
}

// A verdict is said, for what shows it is not where the focus is.
{
  let judged = "";
  document.addEventListener("htmx:before:request", (event) => {
    judged = event.target.closest?.("[data-verdict]")?.id;
  });
  document.addEventListener("htmx:after:swap", () => {
    const seed = judged && document.getElementById(judged);
    judged = "";
    if (seed) say($(".judgement .chip", seed).textContent + ": " + $("h1, h3", seed).textContent.trim());
  });
}
