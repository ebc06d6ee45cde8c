// The chat page: one long poll for the open chat. The command menu and the panes have files of their own.
import { $, bubble, el, pause } from "/chat.js";
import { closeMenu, isOpen, moveInMenu, openMenu, publish, setUp } from "/menu.js";
import { watchPanes } from "/panes.js";

const parameters = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
const key = parameters.get("key") || "";
const state = { chat: null, user: null, users: [], chats: [], seq: 0, messages: new Map(), reply: null, run: 0, stick: true, unseen: 0 };
const pictures = new Map();

async function call(path, body, signal) {
  const options = { headers: { "X-Sandbox-Key": key }, signal };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options).catch(() => { throw new Error("maf does not answer. Does it still run?"); });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.error ? data.error.message : `${answer.status} ${answer.statusText}`);
  return data;
}

const atBottom = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80;
const toBottom = () => { $("log").scrollTop = $("log").scrollHeight; state.stick = true; seen(); };
const smooth = () => (window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

// How much came while the person looks at older messages.
function seen() {
  const bottom = atBottom();
  if (bottom) state.unseen = 0;
  $("down").hidden = bottom;
  $("down-count").textContent = state.unseen || "";
  $("down").setAttribute("aria-label", state.unseen ? `To the newest, ${state.unseen} new` : "To the newest message");
}

function status(text, kind = "") {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").className = kind;
}

let toastTimer = 0;
function toast(text) {
  $("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").textContent = ""; }, Math.max(4000, text.length * 70));
}

const act = {
  isMine: (from) => from.id === state.user,
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
  jump: (id) => document.querySelector(`[data-id="${Number(id)}"]`)?.scrollIntoView({ block: "center", behavior: smooth() }),
  load: async (url) => {
    if (!pictures.has(url)) {
      pictures.set(url, fetch(url, { headers: { "X-Sandbox-Key": key } }).then((a) => a.blob()).then((b) => URL.createObjectURL(b)));
    }
    return pictures.get(url);
  },
  enlarge: (address, text) => {
    $("viewer-image").src = address;
    $("viewer-image").alt = text;
    $("viewer").showModal();
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
      if (before && before.edits !== message.edits) { node.classList.add("flash"); tellEdit(before, message, node); }
      if (focused) [...node.querySelectorAll("button")].find((b) => b.textContent === focused)?.focus({ preventScroll: true });
    } else {
      const previous = log.lastElementChild;
      const date = day(message.date);
      if (log.dataset.day !== date) { log.append(el("div", { class: "day" }, date)); log.dataset.day = date; }
      if (!first) node.classList.add("fresh");
      if (!first && !stay) state.unseen += 1;
      if (previous?.classList.contains(node.classList[1])) node.classList.add("again");
      log.append(node);
    }
  }
  log.querySelector(".empty")?.remove();
  if (!state.messages.size) log.append(el("p", { class: "empty" }, "Nothing here yet. Send /start, or open the menu."));
  if (stay) toBottom(); else seen();
}

// A screen that is followed changes every few seconds: of an edit only a new first line is read aloud.
function tellEdit(before, message, node) {
  node.setAttribute("aria-live", "off");
  const [was, now] = [before, message].map((m) => (m.text || "").split("\n")[0]);
  if (was !== now) $("edits").textContent = "Edited: " + now;
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
      if (first) $("log").setAttribute("aria-busy", "true");  // a screen reader need not read the whole past
      const answer = await call(`/sandbox/chats/${chat}/messages?after=${state.seq}&wait=${wait}`);
      if (state.run !== run) return;
      if (answer.seq < state.seq) { clear(); first = true; }  // the server began anew
      state.seq = answer.seq;
      show(answer.messages, first);
      signs(answer);
      if (first) setTimeout(() => $("log").removeAttribute("aria-busy"), 500);
      first = false;
      refreshCommands();
    } catch (error) {
      status(key ? "maf does not answer, trying again" : "open the address that maf printed: the key is missing", "bad");
      await pause(1500);
    }
  }
}

async function refreshCommands() {
  const list = await call(`/sandbox/commands?chat=${state.chat}`).catch(() => null);
  if (list) publish(list);
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
  if (typed) openMenu(typed[1].toLowerCase()); else closeMenu();
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
    watchPanes(call);
  } catch (error) {
    status(key ? error.message : "the key is missing: open the address that maf printed", "bad");
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
  else if (isOpen()) moveInMenu(event);
  else if (event.key === "Escape" && state.reply) { state.reply = null; $("reply").hidden = true; }
});
setUp((command) => {
  $("input").value = "";
  fit();
  send("/" + command);
  $("input").focus();
});
$("log").addEventListener("scroll", () => { state.stick = atBottom(); seen(); }, { passive: true });
$("down").addEventListener("click", () => { toBottom(); $("input").focus(); });
$("viewer").addEventListener("click", () => $("viewer").close());
$("reply-off").addEventListener("click", () => { state.reply = null; $("reply").hidden = true; $("input").focus(); });
// A keyboard that comes up, panes that come in beside, a longer draft in the composer: the newest stays in sight.
new ResizeObserver(() => { if (state.stick) toBottom(); else seen(); }).observe($("log"));
start();
