// Turns messages into elements. Nothing that comes from outside is ever parsed as HTML: text goes in as text.

export const $ = (id) => document.getElementById(id);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "span",
};

// Entities count in UTF-16 units, as JavaScript strings do. They nest; the outer one comes first.
export function rich(text, entities, onCommand) {
  const sorted = [...(entities || [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const build = (from, to, list) => {
    const nodes = [];
    let at = from;
    let index = 0;
    while (index < list.length) {
      const entity = list[index];
      const end = Math.min(entity.offset + entity.length, to);
      if (entity.offset < at || entity.offset >= to) { index += 1; continue; }
      if (entity.offset > at) nodes.push(text.slice(at, entity.offset));
      const inner = [];
      index += 1;
      while (index < list.length && list[index].offset < end) inner.push(list[index++]);
      nodes.push(wrap(entity, text.slice(entity.offset, end), build(entity.offset, end, inner), onCommand));
      at = end;
      // The line break after a block is the block's own end, not an empty line.
      if (/^(pre|blockquote|expandable_blockquote)$/.test(entity.type) && text[at] === "\n" && at < to) at += 1;
    }
    if (at < to) nodes.push(text.slice(at, to));
    return nodes;
  };
  return build(0, text.length, sorted);
}

function wrap(entity, raw, children, onCommand) {
  if (entity.type === "bot_command") {
    return el("button", { type: "button", class: "command", onclick: () => onCommand(raw) }, raw);
  }
  if (entity.type === "url" || entity.type === "text_link") {
    const address = entity.type === "url" ? raw : String(entity.url || "");
    if (!/^https?:\/\//i.test(address)) return el("span", {}, ...children);
    return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
  }
  if (entity.type === "expandable_blockquote") {
    const quote = el("blockquote", { class: "expandable" }, ...children);
    const more = el("button", { type: "button", class: "more", "aria-expanded": "false" }, "Show all");
    more.addEventListener("click", () => {
      const open = quote.classList.toggle("open");
      more.setAttribute("aria-expanded", String(open));
      more.textContent = open ? "Show less" : "Show all";
    });
    return el("div", { class: "quote" }, quote, more);
  }
  const tag = TAGS[entity.type];
  if (!tag) return el("span", { class: entity.type === "mention" ? "mention" : null }, ...children);
  const node = el(tag, { class: entity.type === "spoiler" ? "spoiler" : null }, ...children);
  if (tag === "pre") { node.tabIndex = 0; node.setAttribute("aria-label", "Code"); }
  return node;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

// What a message shows, for deciding whether an edit needs a new element.
export function bubble(message, act) {
  const mine = act.isMine(message.from);
  const name = message.from.is_bot ? null : act.nameOf(message.from);
  const body = el("div", { class: "text" }, ...rich(message.text || "", message.entities, act.command));
  const meta = el("span", { class: "meta" },
    message.edits ? "edited " : "", el("time", { datetime: new Date(message.date * 1000).toISOString() }, clock(message.date)), mine ? el("span", { class: "tick", "aria-hidden": "true" }, " ✓✓") : null);
  const parts = [];
  if (message.topic) parts.push(el("div", { class: "topic" }, "# " + message.topic));
  if (name) parts.push(el("div", { class: "name" }, name));
  if (message.reply_to) parts.push(quoted(message.reply_to, act));
  if (message.photo) parts.push(picture(message, act));
  if (message.document) parts.push(file(message.document, act));
  if (message.text) { body.append(meta); parts.push(body); } else parts.push(meta);
  const answer = el("button", { type: "button", class: "answer", "aria-label": "Reply to this message", onclick: () => act.reply(message) }, "↩");
  const content = el("div", { class: "bubble" }, ...parts, answer);
  const marks = (message.reactions || []).map((r) => r.emoji || "✦").join(" ");
  if (marks) content.append(el("span", { class: "reaction", "aria-label": `Reaction ${marks}` }, marks));
  const said = mine ? "You" : message.from.is_bot ? "Bot" : message.from.first_name;
  return el("article", { class: `message ${mine ? "mine" : "theirs"}`, "data-id": message.message_id, "aria-label": `${said}, ${clock(message.date)}` },
    content, keyboard(message, act));
}

function keyboard(message, act) {
  if (!message.buttons.length) return null;
  return el("div", { class: "keyboard", role: "group", "aria-label": "Buttons" }, ...message.buttons.map((row) =>
    el("div", { class: "row" }, ...row.map((button) => {
      const node = el("button", { type: "button", class: `key ${button.style || ""}`, disabled: button.disabled }, button.label);
      if (button.copy) { node.append(el("span", { class: "corner" })); node.title = "Copies: " + button.copy; }
      node.addEventListener("click", () => act.press(message, button, node));
      return node;
    }))));
}

function quoted(id, act) {
  const found = act.find(id);
  const text = found ? (found.text || "…").split("\n")[0] : "message";
  return el("button", { type: "button", class: "quoted", onclick: () => act.jump(id) }, text);
}

function picture(message, act) {
  const { photo } = message;
  const text = "Picture: " + ((message.text || "").split("\n")[0] || "from the bot");
  const image = el("img", { class: "photo", alt: text, width: photo.width, height: photo.height });
  image.addEventListener("load", act.grown);
  act.load(photo.url).then((address) => { image.src = address; });
  return el("button", { type: "button", class: "enlarge", "aria-haspopup": "dialog", onclick: () => act.enlarge(image.src, text) }, image);
}

function file(document_, act) {
  return el("button", { type: "button", class: "file", onclick: () => act.save(document_) },
    el("span", { class: "file-icon", "aria-hidden": "true" }, "↓"),
    el("span", {}, el("strong", {}, document_.file_name), el("small", {}, size(document_.file_size))));
}
