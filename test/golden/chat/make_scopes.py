"""Random templates of scopes and names (loops, macros, blocks, what is set early, late, or in a branch), and what jinja2
3.1.6 answers. A rendering that fails has no text.

    pip install jinja2==3.1.6 && python3 make_scopes.py [HOW_MANY [SEED]] > scopes.json
"""
import json
import random
import sys
from make_templates import environment

GIVEN = {"a": "A", "b": "B"}
NAMES = ["a", "b", "x"]
MACROS = ["m", "n", "caller"]


def read(draw):
    name = draw.choice(NAMES)
    return draw.choice(["{{ %s }}", "{{ %s|d('-') }}", "{{ %s is defined }}"]) % name


def value(draw):
    return draw.choice(["%d" % draw.randrange(9), draw.choice(NAMES) + "|d('-')", draw.choice(NAMES) + " ~ '%d'" % draw.randrange(9)])


def block(draw, depth):
    return "".join(statement(draw, depth) for _ in range(draw.randrange(1, 5)))


def statement(draw, depth):
    kinds = ["read", "read", "set", "set", "call macro"] + ["if", "for", "macro", "with", "call", "set block", "filter"] * (depth < 3)
    kind, name = draw.choice(kinds), draw.choice(NAMES)
    if kind == "read":
        return read(draw)
    if kind == "set":
        return "{% set " + name + " = " + value(draw) + " %}"
    if kind == "call macro":
        macro = draw.choice(MACROS)
        return "{{ " + macro + "() if " + macro + " is defined }}"
    body = block(draw, depth + 1)
    if kind == "if":
        other = "{% else %}" + block(draw, depth + 1) if draw.random() < 0.5 else ""
        return "{% if " + draw.choice(NAMES + ["true", "false"]) + " %}" + body + other + "{% endif %}"
    if kind == "for":
        items = draw.choice(["[1]", "[1, 2]", "[]", "[%s|d(7)]" % draw.choice(NAMES)])
        test = draw.choice(["", "", " if %s is defined" % draw.choice(NAMES)])
        other = "{% else %}" + block(draw, depth + 1) if draw.random() < 0.3 else ""
        return "{% for " + name + " in " + items + test + " %}" + body + other + "{% endfor %}"
    if kind == "macro":
        params = draw.choice(["", name, name + "=" + value(draw)])
        return "{% macro " + draw.choice(MACROS[:2]) + "(" + params + ") %}" + body + "{% endmacro %}"
    if kind == "with":
        return "{% with " + name + " = " + value(draw) + " %}" + body + "{% endwith %}"
    if kind == "call":
        macro = draw.choice(MACROS[:2])
        return "{% if " + macro + " is defined %}{% call " + macro + "() %}" + body + "{% endcall %}{% endif %}"
    if kind == "set block":
        return "{% set " + name + " %}" + body + "{% endset %}"
    return "{% filter upper %}" + body + "{% endfilter %}"


def rendered(template):
    try:
        return environment.from_string(template).render(**GIVEN)
    except RecursionError:
        return False
    except Exception:
        return None


def main(count=400, seed=1):
    draw, cases = random.Random(seed), []
    while len(cases) < count:
        template = block(draw, 0)
        text = rendered(template)
        if len(template) < 400 and text is not False and len(text or "") < 400:
            cases.append({"template": template, "text": text})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    print('{"given": %s, "cases": [\n%s\n]}' % (json.dumps(GIVEN), lines))


main(*map(int, sys.argv[1:]))
