// The chat page: one long poll for the open chat, one slow poll for the panes.
import { bubble, el } from "/chat.js";

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
const key = parameters.get("key") || "";
const state = { chat: null, user: null, users: [], chats: [], seq: 0, messages: new Map(), reply: null, commands: [], run: 0, stick: true };
const pictures = new Map();

async function call(path, body, signal) {
  const options = { headers: { "X-Sandbox-Key": key }, signal };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error ? data.error.message : answer.statusText);
  return data;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const atBottom = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80;
const toBottom = () => { $("log").scrollTop = $("log").scrollHeight; state.stick = true; };

function status(text, kind = "") {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").className = kind;
}

let toastTimer = 0;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

const act = {
  nameOf: (from) => (state.chats.find((c) => c.id === state.chat)?.type === "private" ? null : from.first_name),
  find: (id) => state.messages.get(id),
  command: (text) => send(text),
  grown: () => { if (state.stick) toBottom(); },
  reply: (message) => {
    state.reply = message.message_id;
    $("reply-text").textContent = "Reply: " + (message.text || "").split("\n")[0];
    $("reply").hidden = false;
    $("input").focus();
  },
  jump: (id) => document.querySelector(`[data-id="${Number(id)}"]`)?.scrollIntoView({ block: "center", behavior: "smooth" }),
  load: async (url) => {
    if (!pictures.has(url)) {
      pictures.set(url, fetch(url, { headers: { "X-Sandbox-Key": key } }).then((a) => a.blob()).then((b) => URL.createObjectURL(b)));
    }
    return pictures.get(url);
  },
  save: async (file) => {
    const link = el("a", { href: await act.load(file.url), download: file.file_name });
    link.click();
  },
  press: async (message, button, node) => {
    if (button.url) { if (/^https?:\/\//i.test(button.url)) window.open(button.url, "_blank", "noopener"); return; }
    if (button.copy) {
      try { await navigator.clipboard.writeText(button.copy); toast("Copied: " + button.copy); } catch { toast(button.copy); }
      return;
    }
    node.classList.add("busy");
    node.setAttribute("aria-busy", "true");
    try {
      const path = `/sandbox/chats/${state.chat}/messages/${message.message_id}/press`;
      const { answer } = await call(path, { from: state.user, button: button.data });
      if (answer && answer.text && answer.show_alert) { $("alert-text").textContent = answer.text; $("alert").showModal(); }
      else if (answer && answer.text) toast(answer.text);
    } catch (error) {
      toast(error.message);
    } finally {
      node.classList.remove("busy");
      node.removeAttribute("aria-busy");
    }
  },
};

function day(seconds) {
  return new Date(seconds * 1000).toLocaleDateString([], { day: "numeric", month: "long" });
}

function show(messages, first) {
  const log = $("log");
  const stay = atBottom() || first;
  for (const message of messages) {
    const old = log.querySelector(`[data-id="${message.message_id}"]`);
    const before = state.messages.get(message.message_id);
    if (message.deleted) { old?.remove(); state.messages.delete(message.message_id); continue; }
    state.messages.set(message.message_id, message);
    const node = bubble(message, act);
    if (old) {
      keepOpen(old, node);
      const focused = old.contains(document.activeElement) ? document.activeElement.textContent : null;
      old.replaceWith(node);
      if (before && before.edits !== message.edits) node.classList.add("flash");
      if (focused) [...node.querySelectorAll("button")].find((b) => b.textContent === focused)?.focus({ preventScroll: true });
    } else {
      const previous = log.lastElementChild;
      const date = day(message.date);
      if (log.dataset.day !== date) { log.append(el("div", { class: "day" }, date)); log.dataset.day = date; }
      if (!first) node.classList.add("fresh");
      if (previous?.classList.contains(node.classList[1])) node.classList.add("again");
      log.append(node);
    }
  }
  log.querySelector(".empty")?.remove();
  if (!state.messages.size) log.append(el("p", { class: "empty" }, "Nothing here yet. Send /start, or open the menu."));
  if (stay) toBottom();
}

// A quote that was opened stays open through an edit.
function keepOpen(old, node) {
  const open = [...old.querySelectorAll(".expandable")].map((q) => q.classList.contains("open"));
  node.querySelectorAll(".expandable").forEach((q, i) => { if (open[i]) q.nextElementSibling?.click(); });
}

function signs({ typing, draft, pinned }) {
  $("log").querySelector(".pending")?.remove();
  if (typing || draft !== null) {
    const stay = atBottom();
    const dots = el("span", { class: "dots", "aria-label": "typing" }, el("i"), el("i"), el("i"));
    $("log").append(el("div", { class: "message theirs pending" }, el("div", { class: "bubble" }, draft ? el("div", { class: "text" }, draft) : dots)));
    if (stay) toBottom();
  }
  status(typing || draft !== null ? "typing…" : "bot · sandbox");
  const last = pinned?.length ? state.messages.get(pinned[pinned.length - 1]) : null;
  $("pinned").hidden = !last;
  if (last) {
    $("pinned").textContent = "📌 " + (last.text || "").split("\n")[0];
    $("pinned").onclick = () => act.jump(last.message_id);
  }
}

async function follow(chat, run) {
  let first = true;
  while (state.run === run) {
    try {
      const wait = first ? 0 : 25;
      const answer = await call(`/sandbox/chats/${chat}/messages?after=${state.seq}&wait=${wait}`);
      if (state.run !== run) return;
      if (answer.seq < state.seq) { clear(); first = true; }  // the server began anew
      state.seq = answer.seq;
      show(answer.messages, first);
      signs(answer);
      first = false;
      refreshCommands();
    } catch (error) {
      status(key ? "no connection, trying again" : "open the address that maf printed: the key is missing", "bad");
      await pause(1500);
    }
  }
}

async function refreshCommands() {
  state.commands = await call(`/sandbox/commands?chat=${state.chat}`).catch(() => state.commands);
  $("menu-button").hidden = !state.commands.length;
}

function clear() {
  $("log").replaceChildren();
  delete $("log").dataset.day;
  state.messages.clear();
}

function open(chat, user) {
  Object.assign(state, { chat, user, seq: 0, reply: null, messages: new Map(), run: state.run + 1 });
  clear();
  $("reply").hidden = true;
  follow(chat, state.run);
}

async function send(text) {
  const body = { from: state.user, text };
  if (state.reply) body.reply_to = state.reply;
  try {
    await call(`/sandbox/chats/${state.chat}/messages`, body);
    state.reply = null;
    $("reply").hidden = true;
    toBottom();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

function fit() {
  const input = $("input");
  input.style.setProperty("height", "auto");
  input.style.setProperty("height", Math.min(input.scrollHeight, 140) + "px");
  $("send").disabled = !input.value.trim();
  const typed = /^\/(\S*)$/.exec(input.value);
  if (typed) menu(true, typed[1].toLowerCase()); else menu(false);
}

function menu(shown, prefix = "") {
  const fitting = state.commands.filter((c) => c.command.startsWith(prefix.replaceAll("-", "_")));
  shown = shown && fitting.length > 0;
  $("menu").hidden = !shown;
  $("menu-button").setAttribute("aria-expanded", String(shown));
  $("menu").replaceChildren(...fitting.map((c) =>
    el("button", { type: "button", role: "option", tabindex: "-1", onclick: () => choose(c.command) },
      el("b", {}, "/" + c.command), el("span", {}, c.description))));
}

function choose(command) {
  menu(false);
  $("input").value = "";
  fit();
  send("/" + command);
  $("input").focus();
}

function moveInMenu(event) {
  const options = [...$("menu").querySelectorAll("button")];
  const at = options.indexOf(document.activeElement);
  if (event.key === "Escape") { menu(false); $("input").focus(); }
  else if (event.key === "ArrowDown") { options[Math.min(at + 1, options.length - 1)]?.focus(); event.preventDefault(); }
  else if (event.key === "ArrowUp") { (at > 0 ? options[at - 1] : $("input")).focus(); event.preventDefault(); }
  else if (event.key === "Tab") menu(false);
}

async function watchPanes() {
  for (;;) {
    const wide = window.matchMedia("(min-width: 900px)").matches;
    const panes = wide && !document.hidden ? await call("/sandbox/panes").catch(() => null) : null;
    if (panes) showPanes(panes);
    await pause(wide ? 800 : 3000);
  }
}

function showPanes(panes) {
  $("panes").hidden = !panes.length;
  document.body.classList.toggle("with-panes", panes.length > 0);
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
    if (screen.textContent !== text) { screen.textContent = text; screen.scrollTop = screen.scrollHeight; }
  }
  for (const gone of known.values()) gone.remove();
}

async function start() {
  try {
    const { bot, users, chats } = await call("/sandbox/state");
    Object.assign(state, { users, chats });
    $("title").textContent = bot.first_name;
    for (const chat of chats) {
      for (const member of chat.type === "private" ? [chat.id] : chat.members || []) {
        const name = users.find((u) => u.id === member)?.name || member;
        $("chat").append(el("option", { value: `${chat.id}:${member}` }, chat.type === "private" ? name : `${chat.title} · ${name}`));
      }
    }
    const wanted = parameters.get("chat");
    if (wanted) $("chat").value = `${wanted}:${parameters.get("user") || wanted}`;
    $("chat").hidden = $("chat").options.length < 2;
    open(...$("chat").value.split(":").map(Number));
    watchPanes();
  } catch (error) {
    status(key ? `no connection: ${error.message}` : "the key is missing: open the address that maf printed", "bad");
  }
}

$("chat").addEventListener("change", () => open(...$("chat").value.split(":").map(Number)));
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("input").value.trim();
  if (!text) return;
  $("input").value = "";
  fit();
  if (!(await send(text))) { $("input").value = text; fit(); }
});
$("input").addEventListener("input", fit);
$("input").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
  else if (!$("menu").hidden) moveInMenu(event);
  else if (event.key === "Escape" && state.reply) { state.reply = null; $("reply").hidden = true; }
});
$("menu").addEventListener("keydown", moveInMenu);
$("menu-button").addEventListener("click", () => { menu($("menu").hidden); if (!$("menu").hidden) $("menu").querySelector("button").focus(); });
$("log").addEventListener("scroll", () => { state.stick = atBottom(); }, { passive: true });
$("reply-off").addEventListener("click", () => { state.reply = null; $("reply").hidden = true; $("input").focus(); });
document.addEventListener("click", (event) => { if (!event.target.closest("#menu, #menu-button, #input")) menu(false); });
window.visualViewport?.addEventListener("resize", () => { if (atBottom()) toBottom(); });
start();
