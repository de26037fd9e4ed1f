"""The script of git's post-index-change hook, which starts a review in the background.

git runs it for every write of an index: at `git add`, but also at `git status`, six times at `git stash`, and before
pre-commit at `git commit`; its arguments do not tell which. So it is plain shell that forks nothing where there is
nothing to do, and says on one line of a queue that something may be staged. A review that runs already finds it there.
"""

import shlex

from reviewbot.worker import BOOT, QUEUE, STARTED, WORKER

IN_PROGRESS = (
    *("index.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"),
    *("rebase-merge", "rebase-apply"),
)
"""What stands in the git folder while git writes the index on its own account."""

_SCRIPT = """\
[ "$1" = 1 ] && exit 0
[ -n "$GIT_INDEX_FILE" ] && exit 0
dir=${{GIT_DIR:-.git}}
for file in {in_progress}; do
    [ -e "$dir/$file" ] && exit 0
done
for file in "$dir"/next-index-*; do
    [ -e "$file" ] && exit 0
done
{opt_out}if {there}; then :; else exit 0; fi
common=$dir
if [ -f "$dir/commondir" ]; then common=${{dir%/worktrees/*}}; fi
{{ printf '%s\\t%s\\t%s\\n' "$GIT_DIR" "$GIT_WORK_TREE" "$PWD" >>"$common/{queue}"; }} 2>/dev/null || exit 0
{{ read -r pid mark rest <"$common/{worker}"; }} 2>/dev/null || pid=
{{ read -r now <{boot}; }} 2>/dev/null || now=-
if [ -n "$pid" ] && [ -e /proc/self/exe ]; then
    {{ read -r stat <"/proc/$pid/stat"; }} 2>/dev/null || stat=
    set -- ${{stat##*)}}
    [ "$mark" = "$now.${{{started}}}" ] && [ -e "/proc/$pid/exe" ] && exit 0
elif [ -n "$pid" ]; then
    kill -0 "$pid" 2>/dev/null && exit 0
fi
{command} hook post-index-change </dev/null >/dev/null 2>&1 &
exit 0
"""


def warm_script(there: str, command: str, opt_out: str = "") -> str:
    """What the hook does: `there` is a shell list that tells whether the program is there, `command` starts it, and
    `opt_out` lines that may end it before anything is noted.

    The first argument is 1 when git has written files too, as at a checkout: then nothing was staged. GIT_INDEX_FILE
    names a temporary index, and index.lock and next-index-* stand there during `git commit -a` and `git commit PATH`.
    A process that was killed and that nobody has waited for still takes signals, but has no program any more; one that
    started at another time only has the id of the worker.
    """
    return _SCRIPT.format(
        there=there,
        command=command,
        opt_out=opt_out,
        in_progress=" ".join(IN_PROGRESS),
        queue=QUEUE,
        worker=WORKER,
        boot=shlex.quote(BOOT),
        started=STARTED + 1,
    )
