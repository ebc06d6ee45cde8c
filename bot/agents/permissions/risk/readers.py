"""Programs that only read, and with which arguments: GNU coreutils 9, findutils 4.9, grep 3.8, sed 4.9, git 2.39 and
ripgrep 13, as far as macOS's own of the same name do no more with them. The grammars are described in grammar.py.

What is missing is missing on purpose: options that write (sort -o), run something (rg --pre, git --ext-diff), name
files in a file (--files0-from), follow links below a folder (grep -R), or never end (tail -f).
"""

from __future__ import annotations

_SUMS = "-bt --binary --text --tag p*"
_GREP = (
    "-EFGPiwxcLlqosvnHhbTaIr -e:t -f:p -m:n -A:n -B:n -C:n -# --extended-regexp --fixed-strings --perl-regexp "
    "--ignore-case --word-regexp --line-regexp --count --files-with-matches --files-without-match --only-matching "
    "--quiet --silent --no-messages --invert-match --line-number --with-filename --no-filename --byte-offset --null "
    "--text --recursive --line-buffered --regexp=t --file=p --max-count=n --after-context=n --before-context=n "
    "--context=n --color?w --colour?w --include=t --exclude=t --exclude-dir=t t!e,f,regexp,file p* %all:r,recursive"
)
READERS: dict[str, str] = {
    # files and text
    "cat": "-AbeEnstTuv --show-all --number --number-nonblank --squeeze-blank --show-ends --show-tabs p*",
    "tac": "p*",
    "rev": "p*",
    "head": "-qvz -n:n -c:n -# --lines=n --bytes=n --quiet --verbose p*",
    "tail": "-qvz -n:n -c:n -# --lines=n --bytes=n --quiet --verbose p*",
    "nl": "-b:w -n:w -w:n -s:c -v:n -i:n p*",
    "wc": "-lwcmL --lines --words --bytes --chars --max-line-length p*",
    "cut": "-sz -d:c -f:w -c:w -b:w --delimiter=c --fields=w --characters=w --bytes=w --complement --only-delimited p*",
    "tr": "-cCdst --delete --squeeze-repeats --complement t t?",
    "sort": "-bcCdfghiMmnrsuVz -k:w -t:c --key=w --field-separator=c --numeric-sort --reverse --unique --ignore-case "
    "--version-sort --human-numeric-sort --stable p*",
    "uniq": "%first -cduiDz -f:n -s:n -w:n --count --repeated --unique --ignore-case p?",
    "comm": "-123z p*",
    "paste": "-sz -d:c p*",
    "column": "-tx -s:c -c:n p*",
    "fold": "-bs -w:n p*",
    "fmt": "-cstu -w:n p*",
    "expand": "-i -t:w p*",
    "unexpand": "-a -t:w p*",
    "diff": "-abBcdeEiNpqstTuwy -U:n -C:n -W:n -I:t --unified?n --context?n --brief --side-by-side --ignore-all-space "
    "--ignore-space-change --ignore-blank-lines --ignore-case --color?w --suppress-common-lines --minimal --width=n "
    "--strip-trailing-cr --text --label=t p p %follow",
    "cmp": "-bls -n:n --verbose --silent --quiet p p",
    "md5sum": _SUMS,
    "sha1sum": _SUMS,
    "sha256sum": _SUMS,
    "sha512sum": _SUMS,
    "b2sum": _SUMS,
    "cksum": "p*",
    "shasum": "-bt -a:n p*",
    "od": "-abcdovx -A:w -j:n -N:n -t:w p*",
    "hexdump": "-bcCdovx -n:n -s:n p*",
    "xxd": "%first -bpui p?",  # it takes -ps for one option, and a second file is written to
    "jq": "-rcsSneajCM --raw-output --compact-output --slurp --sort-keys --null-input --exit-status --ascii-output "
    "--join-output --color-output --monochrome-output --tab J p*",
    "sed": "-nErsuz -e:S --quiet --silent --expression=S --regexp-extended --unbuffered S!e,expression p*",
    "awk": "-F:t -v:t A p*",
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": "-niIlcwvFSsUoPxaNHpqu0. -A:n -B:n -C:n -m:n -M:n -d:n -g:t -t:w -T:w -e:t -f:p --files --hidden --no-ignore "
    "--glob=t --iglob=t --type=w --type-not=w --type-list --json --stats --heading --no-heading --color=w "
    "--max-depth=n --max-count=n --max-columns=n --sort=w --sortr=w --count --count-matches --multiline "
    "--ignore-case --smart-case --case-sensitive --fixed-strings --word-regexp --line-regexp --invert-match "
    "--files-with-matches --files-without-match --line-number --no-line-number --with-filename --no-filename "
    "--only-matching --no-messages --quiet --text --trim --vimgrep --column --passthru --pcre2 --regexp=t --file=p "
    "--after-context=n --before-context=n --context=n --replace=t -r:t --no-ignore-vcs --no-config "
    "t!e,f,files,type-list,regexp,file p* %all:u,.,hidden,no-ignore,no-ignore-vcs",
    # folders
    "ls": "-aAbBcCdfFgGhiklmnopqrRsStuUvxX1 -w:n --all --almost-all --human-readable --recursive --reverse "
    "--size --color?w --time-style=w --sort=w --time=w --format=w --group-directories-first --full-time --si --inode "
    "--directory --classify --no-group --numeric-uid-gid --ignore=t --hide=t --width=n --block-size=w p*",
    "stat": "-ft -c:t --format=t --printf=t --terse --file-system p*",
    "file": "-bikhN0 --brief --mime --mime-type --mime-encoding p*",
    "du": "-abchkmsxS -d:n --max-depth=n --summarize --human-readable --all --total --apparent-size --exclude=t p*",
    "df": "-ahHiklmPT --human-readable --total p*",
    "tree": "-adfiashpugDCnF -L:n -I:t -P:t --dirsfirst --noreport --gitignore --prune p*",
    "find": "%words -empty -print -print0 -ls -prune -o -or -a -and -not -true -false -quit -depth -xdev -mount "
    "-noleaf -readable -writable -executable -nouser -nogroup -daystart -name:t -iname:t -path:t -ipath:t -wholename:t "
    "-iwholename:t -regex:t -iregex:t -regextype:w -lname:t -ilname:t -type:w -maxdepth:n -mindepth:n -size:w -mtime:w "
    "-mmin:w -atime:w -amin:w -ctime:w -cmin:w -newer:p -newermt:t -perm:t -user:w -group:w -uid:w -gid:w "
    "-links:w -inum:w -printf:t +( +) +! +, p*",
    "fd": "-HIUsiFap0g1 -t:w -e:w -d:n -E:t --type=w --extension=w --max-depth=n --hidden --no-ignore --exclude=t "
    "--glob --absolute-path --full-path --color=w t? p*",
    "basename": "-az -s:t t*",
    "dirname": "-z t*",
    "realpath": "-emqsz p*",
    "readlink": "-efmnqsvz p*",
    # the machine
    "pwd": "-LP",
    "whoami": "",
    "id": "-unGgr w?",
    "groups": "w?",
    "uname": "-amnprsvio",
    "arch": "",
    "nproc": "--all",
    "uptime": "-ps",
    "free": "-bkmghtwl",
    "hostname": "",
    "date": "-uR -I?w --utc --iso-8601?w --rfc-3339=w D?",
    "which": "-a w*",
    "type": "-atp w*",
    # the shell
    "printf": "F t*",
    "sleep": "n*",
    "seq": "-w n*",
    "true": "t*",
    "false": "t*",
    ":": "t*",
    "exit": "n?",
}

_DIFF = (
    "%attached -puswbRzaWcm0123 -M?w -C?w -B?w -U:n -S:t -G:t -l:n --patch --stat?w --numstat --shortstat --dirstat?w "
    "--summary --name-only --name-status --raw --patch-with-stat --no-patch --unified=n --color?w --no-color "
    "--color-words?t --word-diff?w --word-diff-regex=t --color-moved?w --no-renames --find-renames?w --find-copies?w "
    "--find-copies-harder --diff-filter=w --pickaxe-all --pickaxe-regex --ignore-all-space --ignore-space-change "
    "--ignore-space-at-eol --ignore-blank-lines --ignore-cr-at-eol --function-context --inter-hunk-context=n --minimal "
    "--patience --histogram --diff-algorithm=w --full-index --abbrev?n --text --relative?p --no-prefix --exit-code "
    "--quiet --check --no-ext-diff --no-textconv --compact-summary --ignore-submodules?w --cc "
    "--first-parent --cached --staged --merge-base --no-color-moved --no-indent-heuristic r*"
)
_LOG = (
    f"{_DIFF} -n:n -# -iEFPgq -L:t --oneline --graph --all --branches?t --tags?t --remotes?t --glob=t --decorate?w "
    "--no-decorate --decorate-refs=t --abbrev-commit --no-abbrev-commit --merges --no-merges --min-parents=n "
    "--max-count=n --skip=n --since=t --after=t --until=t --before=t --author=t --committer=t --grep=t --all-match "
    "--invert-grep --regexp-ignore-case --extended-regexp --fixed-strings --perl-regexp --reverse --follow --date=t "
    "--relative-date --pretty?f --format=f --topo-order --date-order --author-date-order --left-right --cherry "
    "--cherry-pick --cherry-mark --left-only --right-only --no-walk?w --simplify-by-decoration --full-history "
    "--ancestry-path --boundary --parents --children --walk-reflogs --source --no-notes --no-mailmap --diff-merges=w"
)
# By the first words after `git`; the longest that is here counts.
GIT: dict[str, str] = {
    "status": "%attached -sbvz -u?w --short --branch --porcelain?w --untracked-files?w --ignored?w --long --verbose "
    "--show-stash --ahead-behind --no-ahead-behind --renames --no-renames --ignore-submodules?w --no-column p*",
    "diff": _DIFF,
    "log": _LOG,
    "show": _LOG,
    "whatchanged": _LOG,
    "rev-list": f"{_LOG} --count",
    "reflog": _LOG.replace(" r*", ""),
    "reflog show": _LOG,
    "stash list": _LOG,
    "stash show": _LOG,
    "diff-tree": f"{_DIFF} -rt --root --no-commit-id",
    "blame": "%attached -lstfnewpc -L:t -M?w -C?w --date=w --porcelain --line-porcelain --root --show-name "
    "--show-number --show-email --abbrev=n r*",
    "grep": "%attached -niIlLcwvFEPGaohHWpqzr -e:t -A:n -B:n -C:n -m:n -f:p --cached --untracked --count --name-only "
    "--files-with-matches --files-without-match --line-number --heading --break --and --or --not --all-match "
    "--show-function --function-context --max-depth=n --max-count=n --color?w --no-color --ignore-case --word-regexp "
    "--invert-match --extended-regexp --fixed-strings --perl-regexp --only-matching --quiet --column t!e,f r*",
    "ls-files": "%attached -cdmostuvz -x:t --cached --deleted --modified --others --stage --unmerged "
    "--exclude-standard --exclude=t --full-name --error-unmatch --eol --ignored --directory -i p*",
    "ls-tree": "%attached -drtlz --name-only --name-status --long --full-name --full-tree --abbrev?n r*",
    "cat-file": "-ptse r r?",
    "rev-parse": "%attached -q --verify --short?n --abbrev-ref?w --symbolic-full-name --show-toplevel --show-prefix "
    "--show-cdup --git-dir --git-common-dir --absolute-git-dir --is-inside-work-tree --is-inside-git-dir "
    "--is-bare-repository --all r*",
    "describe": "%attached --tags --all --always --dirty?w --long --abbrev=n --exact-match --contains --match=t "
    "--exclude=t --first-parent r*",
    "shortlog": "%attached -snec --summary --numbered --email --no-merges --since=t --until=t --all r*",
    "merge-base": "-a --all --is-ancestor --fork-point --octopus --independent r*",
    "for-each-ref": "%attached --format=f --sort=w --count=n --contains=t --merged=t --no-merged=t t*",
    "show-ref": "-dsq --head --heads --tags --verify t*",
    "count-objects": "-vH",
    "check-ignore": "-vnq p*",
    "cherry": "-v r*",
    "branch": "%attached -arv --all --remotes --list --show-current --verbose --contains=w --merged?w --no-merged?w "
    "--sort=w --format=f --no-column",
    "branch --list": "%attached -arv --sort=w --format=f t*",
    "tag": "%attached -l --list -n?n --sort=w --contains=w --merged?w --points-at=w",
    "tag -l": "%attached -n?n --sort=w --format=f t*",
    "tag --list": "%attached -n?n --sort=w --format=f t*",
    "remote": "-v --verbose",
    "remote get-url": "--all --push w",
    "worktree list": "-vz --porcelain",
    "config --get": "k",
    "version": "",
    "--version": "",
}
# Of git itself, before its first word.
GIT_OPTIONS = frozenset({"--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs"})

# Variables that may be set before a command, and to what.
VARIABLES = {
    "LC_ALL": r"[\w.-]*",
    "LANG": r"[\w.-]*",
    "TZ": r"[A-Z][\w+-]*",
    "NO_COLOR": r"\w*",
    "CI": r"\w*",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}
# What is asked of a file, and of a text, by `[` and `test`.
OF_FILES, OF_TEXTS = frozenset("-e -f -d -r -w -x -s -L -h -p -S".split()), frozenset(("-n", "-z"))
# How processes are listed without the environment that they got.
LISTINGS = frozenset(("", "aux", "-aux", "-ef", "-e", "-A", "-a", "a", "ax", "-ax", "x", "-eF", "-elf"))
SYSTEM_FOLDERS = frozenset(("", "/bin", "/usr/bin"))
