"""Screens with questions that no capture of ours holds.

The words of codex-cli 0.169.0 and Claude Code 2.1.328 stand in their programs; how they are laid out is that of the
screens people reported to the public trackers of tools that watch these CLIs (network, permissions and
tool questions, the resume menu). The colours are those of our captures: a chosen row of Codex is reversed.
"""

from __future__ import annotations

import re

RULE = "─" * 80
DASHED = "╌" * 80


def codex(asked: str, *, footer: str = "Press enter to confirm or esc to cancel") -> str:
    """History above, the question, its choices (the one with › is reversed), and how to answer."""
    rows = re.sub(r"^› .*$", lambda row: f"\x1b[1;7m{row[0]}\x1b[0m", asked.strip("\n"), flags=re.MULTILINE)
    return f"\x1b[48;5;238m\n\x1b[1;2m› \x1b[0m\x1b[48;5;238mdo it\n\n\x1b[49m\n• On it.\n\n{rows}\n" + (
        f"\n  {footer}\n" if footer else ""
    )


def claude(asked: str, *, footer: str = "Esc to cancel · Tab to amend") -> str:
    return f"\x1b[48;5;237m❯ do it\x1b[49m\n\n● On it.\n\n{RULE}\n{asked.strip(chr(10))}\n" + (
        f"\n {footer}\n" if footer else ""
    )


NETWORK = """
  Do you want to approve network access to "example.com"?

  Reason: network request blocked

› 1. Yes, just this once (y)
  2. Yes, and allow this host for this conversation (a)
  3. Yes, and allow this host in the future (p)
  4. No, and tell Codex what to do differently (esc)
"""
GRANT = """
  Would you like to grant these permissions?

  Permission rule: network; write `/srv1`

› 1. Yes, grant these permissions for this turn (y)
  2. Yes, grant these permissions for this session (a)
  3. No, continue without permissions (d)
"""
TOOL = """
  shop needs your approval.

› 1. Yes, provide the requested info (y)
  2. No, but continue without it (d)
  3. Cancel this request (esc)
"""
TOOL_CALL = """
  Question 1/1 (1 unanswered)
  Approve app tool call?
  The shop MCP server wants to run the tool "Save issue", which may modify or delete data. Allow this action?

  › 1. Approve Once          Run the tool and continue.
    2. Approve this Session  Run the tool and remember this choice for this session.
    3. Cancel                Cancel this tool call.
"""
MODEL = """
  Approaching rate limits
  Switch to gpt-5.2-codex-mini for lower credit usage?

› 1. Switch to gpt-5.2-codex-mini  Optimized for codex. Cheaper, faster, but less capable.
  2. Keep current model
  3. Keep current model (never show again)
"""
LONG = "\n".join(f"  line {n} of a command that pushed the question off the screen" for n in range(40))
UNTITLED = f"{LONG}\n\n› 1. Yes, proceed (y)\n  2. No, and tell Codex what to do differently (esc)"

CODEX = [
    ("network", codex(NETWORK), "permission", "Yes, just this once", 4),
    ("network, keys not bound", codex(NETWORK, footer=""), "permission", "Yes, just this once", 4),
    ("permissions", codex(GRANT), "permission", "Yes, grant these permissions for this turn", 3),
    ("server asks", codex(TOOL), "permission", "Yes, provide the requested info", 3),
    (
        "tool call",
        codex(TOOL_CALL, footer="enter to submit answer | esc to interrupt"),
        "permission",
        "Approve Once",
        3,
    ),
    (
        "cheaper model",
        codex(MODEL, footer="Press enter to confirm or esc to go back"),
        "limit",
        "Switch to gpt-5.2-codex-mini",
        3,
    ),
    ("title off the screen", codex(UNTITLED), "permission", "Yes, proceed", 2),
]

EDIT_FILE = f"""
 Edit file
 src/app.py
{DASHED}
 1 -old
 1 +new
{DASHED}
 Do you want to make this edit to app.py?
 ❯ 1. Yes
   2. Yes, allow all edits during this session (shift+tab)
   3. No
"""
CONNECTION = """
 Network request outside of sandbox

   Host: example.com

 Do you want to allow this connection?
 ❯ 1. Yes
   2. Yes, and don't ask again for example.com
   3. No, and tell Claude what to do differently (esc)
"""
RESUME = """
 This session is 11h 34m old and 258.3k tokens.

 Resuming the full session uses a lot of your usage limits. Resuming from a summary uses less.

 ❯ 1. Resume from summary (instant, recommended)
   2. Resume full session as-is
   3. Don't ask again
"""
LOGIN = """
 Claude Code can be used with your Claude subscription or billed based on API usage through your Console account.

 Select login method:

 ❯ 1. Claude account with subscription · Pro, Max, Team, or Enterprise
   2. Anthropic Console account · API usage billing
   3. 3rd-party platform · Amazon Bedrock, Microsoft Foundry, or Vertex AI
"""
SERVER = """
 New MCP server found in .mcp.json: shop

 MCP servers may execute code or access system resources.

 ❯ 1. Use this and all future MCP servers in this project
   2. Use this MCP server
   3. Continue without using this MCP server
"""
SETTINGS = """
 Managed settings require approval

 Your organization has configured settings that could run code on this machine.

 ❯ 1. Yes, I trust these settings
   2. No, exit Claude Code
"""
LIMIT = """
 What do you want to do?

 ❯ 1. Stop and wait for limit to reset
   2. Add funds to continue with extra usage
"""
CONFIRM = "Enter to confirm · Esc to cancel"
SELECT = "Enter to select · ↑/↓ to navigate · Esc to cancel"
CLAUDE = [
    ("edit", claude(EDIT_FILE), "permission", "Yes", 3),
    ("connection", claude(CONNECTION, footer=""), "permission", "Yes", 3),
    ("resume", claude(RESUME, footer=CONFIRM), "other", "Resume from summary (instant, recommended)", 3),
    ("login", claude(LOGIN, footer=""), "login", "Claude account with subscription · Pro, Max, Team, or Enterprise", 3),
    ("server", claude(SERVER, footer=CONFIRM), "other", "Use this and all future MCP servers in this project", 3),
    ("limit", claude(LIMIT, footer=CONFIRM), "limit", "Stop and wait for limit to reset", 2),
]
ALL = [("codex", *one) for one in CODEX] + [("claude", *one) for one in CLAUDE]

TYPED = """
  Question 1/1 (1 unanswered)
  Which name?

  › Type your answer (optional)

  enter to submit answer | esc to interrupt
"""
SUBMIT = f"""
{RULE}
←  ☒ Store  ✔ Submit  →

Which stores?
  1. [✔] Redis
❯    Submit

Enter to select · Esc to cancel
"""
