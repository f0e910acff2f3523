
"use strict";
{
  const form = document.getElementById("filters");
  const status = document.getElementById("shown");
  const selects = [...form.querySelectorAll("select")];
  const marked = [...document.querySelectorAll("[data-record]")];
  const folded = [...document.querySelectorAll("details")];

  // Hide the records that a filter leaves out, and say how many are left.
  function filter() {
    for (const each of marked) {
      each.hidden = selects.some((select) => select.value && each.dataset[select.name] !== select.value);
    }
    const records = marked.filter((each) => each.localName === "article");
    const left = records.filter((each) => !each.hidden).length;
    const by = selects.filter((select) => select.value).map((select) => select.value);
    status.textContent = `${left} of ${records.length} records${by.length ? `: ${by.join(", ")}` : ""}`;
  }

  // Show what a permalink names, whatever filters and folds hide it, and in whichever order it names two contenders.
  function follow() {
    const name = location.hash.slice(1);
    const target = document.getElementById(name);
    if (!target) {
      const turned = name.replace(/([^/]+)\/([^/]+)$/, "$2/$1");
      if (document.getElementById(turned)) location.replace(`#${turned}`); // which ends here again
      return;
    }
    if (target.closest("[hidden]")) {
      form.reset();
      filter();
    }
    for (let at = target; at; at = at.parentElement) {
      if (at.localName === "details") at.open = true;
    }
    target.scrollIntoView({ block: target.localName === "li" ? "center" : "start" });
  }

  for (const each of folded) each.open = false;
  form.hidden = status.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  addEventListener("hashchange", follow);
  addEventListener("pageshow", () => { filter(); follow(); });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = folded.filter((each) => !each.open);
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
}
