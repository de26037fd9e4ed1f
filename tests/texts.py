"""Texts of all kinds that a diff may hold, drawn by a seeded generator."""

import base64
import json
import random
import string

SPECIAL = ("<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<PRE>", "<0x0A>", "<|im_end|>")
CJK = "".join(map(chr, (*range(0x4E00, 0x4E80), *range(0x3041, 0x3080), *range(0xAC00, 0xAC40))))
EMOJI = ("😀", "🦙", "👩‍💻", "🇵🇹", "❤️", "👍🏽", "𝛼", "é", "e\u0301")
CONTROLS = "".join(map(chr, range(1, 32))) + "\x7f\u200b\u2028\u202e\ufeff\u00a0"

_LANGUAGES = {
    "python": (
        "def {a}({b}: int, *, {c}=None) -> dict[str, {d}]:\n    if {b} > {n}:\n"
        '        raise ValueError(f"{b} of {c!r}")\n    return {{k: v for k, v in {c}.items()}}\n'
    ),
    "javascript": "export const {a} = async ({b}, {c} = {n}) => {{\n  const {d} = await fetch(`/api/${{{b}}}`);\n}};\n",
    "typescript": "interface {a}<T extends {b}> {{\n  readonly {c}?: Array<T>;\n  {d}(x: number): Promise<void>;\n}}\n",
    "c": "static int {a}(const char *{b}, size_t {c})\n{{\n\tif (!{b} || {c} > {n}UL)\n\t\treturn -EINVAL;\n}}\n",
    "go": 'func (s *{a}) {b}(ctx context.Context) (_ {c}, err error) {{\n\tdefer s.{d}("{n}")\n}}\n',
    "java": "public final class {a} implements {b}<String> {{\n    private static final long {c} = {n}L;\n}}\n",
    "rust": "impl<'a> {a}<'a> for {b} {{\n    fn {c}(&mut self) -> Result<(), {d}> {{ Ok(()) }}\n}}\n",
    "sql": "SELECT {a}.{b}, COUNT(*) AS {c}\n  FROM {d} WHERE {b} >= '{n}' GROUP BY 1 ORDER BY 2 DESC;\n",
}
_WORDS = (
    "get set user name list index cache request parse value config http json error time path file line token".split()
)


def draw(seed: int) -> str:
    """One text; the same for the same seed."""
    rng = random.Random(seed)
    kind = rng.choice(
        [*_LANGUAGES, *_LANGUAGES, "prose", "cjk", "emoji", "base64", "hex", "minified", "control", "special"]
    )
    return "".join(_piece(rng, kind) for _ in range(rng.randint(1, 4)))


def _piece(rng: random.Random, kind: str) -> str:
    if kind in _LANGUAGES:
        return _LANGUAGES[kind].format(**{k: _identifier(rng) for k in "abcd"}, n=rng.randint(0, 10**6))
    match kind:
        case "prose":
            return " " * rng.randint(0, 6) + " ".join(rng.choice(_WORDS) for _ in range(rng.randint(3, 20))) + ".\n\n"
        case "cjk":
            return "# " + "".join(rng.choice(CJK) for _ in range(rng.randint(1, 40))) + "。\n"
        case "emoji":
            return " ".join(rng.choice(EMOJI) for _ in range(rng.randint(1, 12))) + "\n"
        case "base64":
            return base64.b64encode(rng.randbytes(rng.randint(10, 300))).decode() + "\n"
        case "hex":
            return f"sha256:{rng.randbytes(rng.randint(4, 64)).hex()} {rng.randint(0, 10**30)}\n"
        case "minified":
            record = {_identifier(rng): rng.choice([rng.random(), None, True, _identifier(rng)]) for _ in range(9)}
            return json.dumps(record, separators=(",", ":")) + ";"
        case "control":
            return "".join(rng.choice(CONTROLS + string.printable) for _ in range(rng.randint(1, 60)))
        case _:
            return "".join(rng.choice([*SPECIAL, " ", "x", "\n"]) for _ in range(rng.randint(1, 20)))


def _identifier(rng: random.Random) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(1, 3))]
    return rng.choice(["_".join(words), "".join(w.title() for w in words), words[0].upper()])
