"""What the scripted model says when it is wrong. `{name}` stands for a name of the line that it is said of."""

FALSE_CLAIMS = (
    ("bug", "`{name}` may be null here, and the access then crashes."),
    ("bug", "The comparison with `{name}` is inverted, so the wrong branch is taken."),
    ("bug", "The loop skips the last element of `{name}`."),
    ("bug", "When `{name}` is empty this divides by zero."),
    ("bug", "`{name}` is used before it gets a value."),
    ("bug", "The function returns nothing when `{name}` is not set."),
    ("security", "`{name}` comes from the user unchecked, which allows an injection."),
    ("security", "`{name}` may hold a password, and it ends up in the log."),
    ("security", "Nobody checks whether the user may see `{name}`."),
    ("concurrency", "Two threads can change `{name}` at the same time."),
    ("concurrency", "`{name}` is read outside the lock, so a stale value is seen."),
    ("resource", "The handle behind `{name}` is never released."),
    ("resource", "`{name}` grows without bound."),
    ("error-handling", "An error of `{name}` is ignored, and the caller goes on."),
    ("error-handling", "The exception that `{name}` raises is not caught here."),
    ("performance", "`{name}` is computed again in each round, which is quadratic."),
    ("performance", "This copies `{name}` on every call."),
    ("api", "The meaning of `{name}` changes, and existing callers break."),
    ("api", "`{name}` returns another type than before."),
    ("test", "The test passes whatever `{name}` is."),
)
"""Category and message."""

REMARKS = (
    "Consider adding a docstring to `{name}`.",
    "Consider adding a comment that explains `{name}`.",
    "Missing type hints for `{name}`.",
    "Consider adding unit tests for this function.",
    "There are no tests for `{name}`.",
    "The import of `{name}` is missing.",
    "Is `{name}` defined elsewhere?",
    "`{name}` is not defined in the shown code.",
    "Use a more descriptive name for `{name}`.",
    "The name `{name}` does not follow the naming conventions of the project.",
    "This makes the code harder to read.",
    "Good use of `{name}`.",
    "The code looks good overall.",
    "Ensure that `{name}` is valid.",
    "Make sure that `{name}` has the right type.",
    "Verify that `{name}` behaves as intended in all environments.",
    "`{name}` may not be available in older versions.",
    "It would be better to extract this into a helper function.",
    "This could be simplified.",
    "Magic values should be replaced by named constants.",
)
"""Written before they were tried: some of them are dropped by their wording, some are not."""

REPEATS = (
    "{message}",
    "There is a problem with this line: {message}",
    "`{name}` is not handled correctly here.",
)
"""The same once more: word by word, with a preface, and in other words."""

INVENTED_QUOTES = (
    "result = process_input(raw_payload)",
    "if (!validateEverything(inputBuffer)) return;",
    "legacy_handler.dispatch(unknown_event)",
    "for (int k = 0; k < grandTotal; k++) {",
    "temp_variable = old_variable + 1",
)
