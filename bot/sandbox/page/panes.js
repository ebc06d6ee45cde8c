// The panes of the agents beside the chat, on a wide screen: their state and their screen, looked at again and again.
import { $, el, pause } from "/chat.js";

export async function watchPanes(call) {
  for (;;) {
    const wide = window.matchMedia("(min-width: 900px)").matches;
    const panes = wide && !document.hidden ? await call("/sandbox/panes").catch(() => null) : null;
    if (panes) show(panes);
    await pause(wide ? 800 : 3000);
  }
}

function show(panes) {
  $("panes").hidden = !panes.length;
  document.body.classList.toggle("with-panes", panes.length > 0);
  const changed = [];
  const known = new Map([...$("panes").children].map((n) => [n.dataset.agent, n]));
  for (const pane of panes) {
    let node = known.get(pane.agent);
    if (!node) {
      node = el("section", { class: "pane", "data-agent": pane.agent, "aria-label": `Pane of ${pane.agent}` },
        el("h2", {}, el("b", {}, pane.agent), el("span", { class: "state" })), el("pre", { tabindex: "0" }));
      $("panes").append(node);
    }
    known.delete(pane.agent);
    node.dataset.state = pane.state;
    node.querySelector(".state").textContent = pane.state;
    const screen = node.querySelector("pre");
    const text = String(pane.text).replace(/\s+$/, "");
    if (screen.textContent === text) continue;
    screen.textContent = text;
    changed.push(screen);
  }
  for (const gone of known.values()) gone.remove();
  for (const screen of changed) screen.scrollTop = screen.scrollHeight;  // once all stand: each is as high as it stays
}
