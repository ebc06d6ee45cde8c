"""What programs do, by name: which only read, and with which options they no longer do; which delete, reach the
network, install, or start another program. As the programs are documented (GNU coreutils 9, findutils 4.9, git 2.39).

A reader is trusted only as far as its arguments are known: every list here says what is safe, not what is dangerous.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

DELETES = frozenset(
    "rm rmdir unlink shred truncate srm trash trash-put dropdb wipefs mkfs fdisk sfdisk parted blkdiscard dd".split()
)
NETWORK = frozenset(
    (
        "curl wget aria2c http xh ssh scp rsync sftp ftp lftp nc ncat socat telnet mosh ping dig nslookup host whois "
        "nmap gh glab hub aws gcloud gsutil az s3cmd rclone kubectl helm docker podman terraform ansible pulumi vercel "
        "netlify heroku flyctl psql mysql mariadb redis-cli mongo mongosh twine mail sendmail"
    ).split()
)
INSTALLS = frozenset(
    (
        "pip pip3 uv uvx pipx poetry npm npx pnpm yarn bun cargo go gem bundle composer apt apt-get brew dnf yum "
        "pacman apk conda nix"
    ).split()
)
INSTALLING = frozenset("install add i ci get update upgrade sync exec dlx x".split())
# They change the machine and not the workspace.
SYSTEM = frozenset(
    (
        "kill pkill killall shutdown reboot halt poweroff systemctl service launchctl crontab at mount umount useradd "
        "userdel usermod passwd chroot iptables sysctl modprobe tmux screen"
    ).split()
)
WRITERS = frozenset(
    "cp mv mkdir touch tee ln chmod chown chgrp install patch tar zip unzip gzip gunzip xz split mktemp".split()
)
SHELLS = frozenset("bash sh zsh dash ksh ash fish".split())
INTERPRETER = re.compile(r"(python|pypy)[\d.]*|node(js)?|deno|bun|ruby|perl|php|lua|Rscript|osascript|tclsh|pwsh")
IS_CODE = re.compile(r"-\w*[ceEpr]|--(eval|print|exec|command|run)(=.*)?")
# What it takes for granted afterwards cannot be seen in the line.
UNSEEN = frozenset("eval source . alias unalias trap hash enable complete bind fc history shopt".split())
SETS = frozenset("export local declare typeset readonly unset read mapfile readarray".split())

# Programs that start another one: the short options that take a word, and how many words come before the program.
WRAPPERS: dict[str, tuple[str, int]] = {
    "sudo": ("ugpCDhRrtTU", 0),
    "doas": ("uC", 0),
    "pkexec": ("", 0),
    "env": ("uC", 0),
    "nice": ("n", 0),
    "ionice": ("cn", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "exec": ("a", 0),
    "timeout": ("ks", 1),
    "stdbuf": ("ioe", 0),
    "xargs": ("aEIdLnPsRJS", 0),
    "busybox": ("", 0),
    "chronic": ("", 0),
    "caffeinate": ("tw", 0),
}
ROOT = frozenset({"sudo", "doas", "pkexec"})
FLAGS = frozenset(
    "--foreground --preserve-status --ignore-environment --null --no-run-if-empty --non-interactive --verbose".split()
)
SYSTEM_FOLDERS = frozenset("/bin /usr/bin /usr/local/bin /sbin /usr/sbin /opt/homebrew/bin".split())

HARMLESS_VARIABLE = re.compile(r"LANG|LC_\w+|TZ|NO_COLOR|FORCE_COLOR|CLICOLOR|COLUMNS|LINES|TERM|CI")
# Variables that decide which program runs, or have one run on the side.
LOADED_VARIABLE = re.compile(
    r"PATH|CDPATH|HOME|IFS|ENV|BASH_\w+|SHELL|SHELLOPTS|PS4|PROMPT_COMMAND|LD_\w+|DYLD_\w+|GIT_\w+|LESS\w*|\w*PAGER|"
    r"\w*EDITOR|VISUAL|BROWSER|PYTHON(PATH|HOME|STARTUP)|PERL5\w*|RUBY\w*|NODE_(OPTIONS|PATH)|RIPGREP_CONFIG_PATH"
)

# git, by its first word. Anything else may be an alias or a program of somebody's.
GIT_READS = frozenset(
    (
        "status log diff show blame ls-files ls-tree rev-parse rev-list describe shortlog grep merge-base name-rev "
        "for-each-ref show-ref count-objects check-ignore diff-tree whatchanged cherry version"
    ).split()
)
GIT_WRITES = frozenset(
    (
        "add am apply bundle cherry-pick commit fetch gc init merge mv pull push rebase revert sparse-checkout "
        "submodule clone notes checkout switch reset restore rm clean branch tag stash worktree reflog config remote "
        "archive format-patch update-index write-tree commit-tree prune filter-branch filter-repo update-ref read-tree "
        "bisect difftool mergetool"
    ).split()
)
GIT_NETWORK = frozenset(("push pull fetch clone ls-remote submodule").split())
# The first words after `git` that lose work which nobody else has.
GIT_DELETES = re.compile(
    r"reset\b.*\s--(ha|me|k)|clean\b(?!.*\s(-\w*n|--dry-run))|rm\b|prune\b|gc\b.*--prune|filter-(branch|repo)\b|"
    r"branch\b.*\s(-\w*[dDfMC]|--delete|--force)|tag\b.*\s(-\w*[df]|--delete|--force)|"
    r"push\b.*\s(-\w*[fd]|--force|--delete|--mirror|--prune|\+\S|\S*:(\s|$)|:\S)|stash\s+(drop|clear)|"
    r"checkout\b.*\s(--(\s|$)|\.(\s|$)|-\w*[fB]|--force|\S+\.\w)|checkout\b(?!.*\s-b)(\s+-\S+)*\s+[^-\s]\S*\s+[^-\s]|"
    r"switch\b.*\s(-\w*[fC]|--force|--discard)|"
    r"restore\b(?!.*\s--staged)|worktree\s+(remove|prune)|reflog\s+(expire|delete)|update-ref\b.*\s-d|read-tree\b"
)
GIT_HIDES = re.compile(r"bisect\s+run|submodule\s+foreach|rebase\b.*\s(-\w*x|--exec)|difftool|mergetool|filter-branch")
GIT_LISTS = re.compile(
    r"branch(\s+(-a|-r|-v|-vv|-av|-avv|--all|--list|--show-current))*|remote(\s+-v)?|tag(\s+(-l|--list))?|stash\s+list|"
    r"worktree\s+list|config\s+(--get|--list|-l)(\s+[\w.-]+)?|reflog(\s+show)?"
)
_GIT_READ_OPTIONS = re.compile(r"--(?!o(?!neline|nly-|thers)|ext|text|no-index|exec)[\w-]+(=.*)?|-[^\WO]+")

# Words that delete, in the languages of many tools (docker rm, kubectl delete, aws s3 rm, terraform destroy …).
DELETING_WORD = re.compile(
    r"(--?)?(delete|destroy|rm|rmi|rmdir|rb|prune|purge|remove|uninstall|unlink|drop|wipe|erase|truncate|terminate|"
    r"flushall|flushdb|unpublish|remove-files|clean)(-\w.*)?|\w+-(delete|destroy|purge|rm)",
    re.IGNORECASE,
)
DELETING_CODE = re.compile(
    r"\b(rmtree|unlink|unlinkSync|rmSync|rmdir|os\.remove|fs\.rm|File\.delete|FileUtils\.rm\w*|rm\s+-\w)|"
    r"\b(drop\s+(table|database|schema)|delete\s+from|truncate)\b",
    re.IGNORECASE,
)

Rule = Callable[[Sequence[str]], bool]


def only(options: str) -> Rule:
    """Reads as long as each of its options is one of these (a regular expression)."""
    known = re.compile(options)
    return lambda args: all(known.fullmatch(a) for a in args if a.startswith("-") and a not in {"-", "--"})


def _anything(_args: Sequence[str]) -> bool:
    return True


def _alone(args: Sequence[str]) -> bool:
    return not args


def _one_file(args: Sequence[str]) -> bool:
    """A second file name would be written to."""
    return sum(not a.startswith("-") for a in args) <= 1 and not any(re.match(r"-\w*r|--r", a) for a in args)


def _date(args: Sequence[str]) -> bool:
    if "-d" in args:  # says what time that is, and sets nothing
        return True
    return all(a.startswith("+") or re.fullmatch(r"-[uRI]\w*|--utc|--iso-8601(=\w+)?", a) for a in args)


def _sed(args: Sequence[str]) -> bool:
    """Prints, substitutes and deletes lines of what it prints; its `w`, `e` and `-i` do more."""
    scripts, others, rest = [], [], list(args)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            others.append(word)
        elif not re.fullmatch(r"-[nErsuz]*e?", word):  # wherever it stands: GNU takes options after files, too
            return False
        elif word.endswith("e") and rest:
            scripts.append(rest.pop(0))
    scripts = scripts or others[:1]
    return all(_SED.fullmatch(part.strip()) for script in scripts for part in re.split(r"[;\n]", script))


_SED = re.compile(
    r"((\d+|\$|/[^/\\]*/)(,(\d+|\$|/[^/\\]*/))?)?\s*(p|d|q|=|s([/|#,])((?!\6)[^\\])*\6((?!\6)[^\\])*\6[gpiI\d]*)?"
)


def _awk(args: Sequence[str]) -> bool:
    """Its programs can write files and run commands."""
    rest = list(args)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in {"-F", "-v"} and rest:
            rest.pop(0)
        elif not re.fullmatch(r"-[Fv].+", option):
            return False
    if any(word.startswith("-") for word in rest[1:]):
        return False
    return bool(rest) and not re.search(r"system|[|>@]|getline|\bclose\b", rest[0])


def _finds(args: Sequence[str]) -> bool:
    return not any(re.match(r"-(delete|exec|ok|fprint|fls)", a) for a in args)


READS: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "cat tac head tail ls wc stat du df ps pwd echo printf cmp cut tr nl column id uname whoami true false : "
            "test [ [[ basename dirname realpath readlink md5sum sha1sum sha256sum sha512sum b2sum cksum od strings "
            "hexdump comm paste fold expand rev seq sleep grep egrep fgrep jq which type printenv diff nproc uptime "
            "free getconf locale arch wait exit return break continue shift set cd"
        ).split(),
        _anything,
    ),
    "rg": only(r"-[a-zA-Z0-9]+|--(?!pre|hostname|search-zip)[\w-]+(=.*)?"),
    "fd": only(r"-[a-wyzA-WYZ0-9]+|--(?!exec)[\w-]+(=.*)?"),
    "find": _finds,
    "sort": only(r"-[bdfghiMnRrVcCmsuz]*([kt]\S*)?|--(?!o|co|t)[\w-]+(=.*)?"),
    "tree": only(r"-[adfilpughDLIP\d]+|--(?!o)[\w-]+(=.*)?"),
    "file": only(r"-[bikLnNprszZ0]+|--(brief|mime|mime-type)"),
    "yq": only(r"-[reojpP]\S*|--(?!in|sp|fr)[\w-]+(=.*)?"),
    "base64": only(r"-w\d*|--wrap(=\d+)?"),
    "sed": _sed,
    "awk": _awk,
    "gawk": _awk,
    "mawk": _awk,
    "uniq": _one_file,
    "xxd": _one_file,
    "date": _date,
    "hostname": _alone,
    "env": _alone,
    "xargs": _alone,
}


def git_reads(verb: str, rest: Sequence[str]) -> bool:
    """`git VERB REST` with nothing but looking."""
    line = " ".join((verb, *rest))
    if GIT_LISTS.fullmatch(line):
        return True
    return verb in GIT_READS and all(_GIT_READ_OPTIONS.fullmatch(a) for a in rest if a.startswith("-") and a != "--")


# Not those that install: what they install, or a script of theirs, does as it likes.
KNOWN = (WRITERS, NETWORK, DELETES, SYSTEM, READS, SETS, UNSEEN)
