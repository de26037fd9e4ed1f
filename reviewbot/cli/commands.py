"""The commands: what each is for, what it takes, and which options it has a use for."""

COMMANDS = {
    "diff": "review what `git diff` with the same arguments shows; `-` reads a diff from stdin",
    "show": "review one commit (default HEAD)",
    "hook": "what a git hook or pre-commit runs",
    "ci": "review the change of this CI job: base, head and format are found by its host's variables",
    "merge": "join the JSON reports of all shares of a change, and decide",
    "batch": "write the requests of a range for a batch of a cluster, and review by its results",
    "plan": "show the requests that a review would send, and ask no model",
    "doctor": "say what works, what does not, and what mends it",
    "config": "show each setting and where it comes from",
    "prompts": "list, show and check the instructions for the model",
    "baseline": "accept findings once and for all, in a file of the repository",
    "cache": "show, clear or prune what is kept of earlier reviews",
    "status": "say what is being reviewed in the background, and what was reviewed late",
    "install": "write git hooks that run reviewbot",
    "uninstall": "remove those hooks, and restore the ones they kept",
    "demo": "watch a bad commit being blocked in a throw-away repository",
}

REVIEWS = ("diff", "show", "hook", "ci")
DECIDES = (*REVIEWS, "merge", "batch")
ANSWERS = ("plan", "doctor", "config")
"""Commands that print text or JSON of their own."""

USES = {
    "quiet": (*DECIDES, "doctor", "baseline"),
    "verbose": (*DECIDES, "plan"),
    "format": (*DECIDES, *ANSWERS),
    "output": DECIDES,
    "show_dropped": DECIDES,
    "config": (*DECIDES, *ANSWERS, "prompts", "baseline", "cache", "status", "demo", "install"),
    "isolated": (*DECIDES, *ANSWERS, "prompts", "baseline", "cache", "status", "demo", "install"),
    "no_model": (*REVIEWS, "baseline"),
    "no_cache": (*REVIEWS, "baseline"),
    "exit_zero": DECIDES,
    "state": REVIEWS,
    "shard": ("diff", "show", "ci"),
}
"""Which commands have a use for an option; settings are refused by those that read none."""

ARGUMENTS = {
    "diff": "[--staged] [REV | A..B | A...B | A B | -] [-- PATH ...] ",
    "show": "[-m] [REV] ",
    "hook": "[STAGE [ARG ...]] ",
    "merge": "REPORT ... ",
    "batch": "export RANGE | import REQUESTS RESULTS ... ",
    "plan": "[--staged] [REV | A..B | A...B | A B | -] [-- PATH ...] ",
    "prompts": "[list | show [NAME] | check FILE] ",
    "baseline": "[list | add FINGERPRINT ... | write [REV ...] | prune] ",
    "cache": "[info | clear | prune] ",
    "install": "[--stage STAGE] [--warm | --warm-only] [--global] [--check] ",
    "uninstall": "[--global] ",
}
