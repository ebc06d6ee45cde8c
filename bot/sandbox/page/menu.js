// The command menu above the composer: opened by its button or by typing "/", walked with the arrow keys.
import { $, el } from "/chat.js";

let commands = [];
let opener = null;
let onChoose = () => {};

export function setUp(choose) {
  onChoose = choose;
  $("menu").addEventListener("keydown", moveInMenu);
  $("menu-button").addEventListener("click", () => {
    if (isOpen()) { closeMenu(); return; }
    openMenu();
    opener = $("menu-button");
    options()[0]?.focus();
  });
  document.addEventListener("click", (event) => { if (!event.target.closest("#menu, #menu-button, #input")) closeMenu(); });
}

export function publish(list) {
  commands = list;
  $("menu-button").hidden = !list.length;
}

export const isOpen = () => !$("menu").hidden;
const options = () => [...$("menu").querySelectorAll("button")];

// With the commands that begin as typed; a hyphen stands for the underscore that Telegram publishes.
export function openMenu(prefix = "") {
  const fitting = commands.filter((c) => c.command.startsWith(prefix.replaceAll("-", "_")));
  opener = $("input");
  $("menu").hidden = !fitting.length;
  $("menu-button").setAttribute("aria-expanded", String(fitting.length > 0));
  $("menu").replaceChildren(...fitting.map((c) =>
    el("button", { type: "button", role: "option", "aria-selected": "false", tabindex: "-1", onclick: () => choose(c.command) },
      el("b", {}, "/" + c.command), el("span", {}, c.description))));
}

export function closeMenu() {
  $("menu").hidden = true;
  $("menu-button").setAttribute("aria-expanded", "false");
}

function choose(command) {
  closeMenu();
  onChoose(command);
}

export function moveInMenu(event) {
  const all = options();
  const at = all.indexOf(document.activeElement);
  const last = all.length - 1;
  const to = { ArrowDown: Math.min(at + 1, last), ArrowUp: at - 1, Home: at < 0 ? null : 0, End: at < 0 ? null : last }[event.key];
  if (event.key === "Escape") { closeMenu(); opener.focus(); }
  else if (event.key === "Tab") closeMenu();
  else if (to === undefined || to === null) return;
  else { (all[to] || $("input")).focus(); event.preventDefault(); }
}
