"""What templates of conversations are made of, one construct or a few in each, and what jinja2 3.1.6 answers.

    pip install jinja2==3.1.6 && python3 make_constructs.py > constructs.json

The environment is that of transformers (see make_templates.py). A rendering that fails has no text.
"""
import copy
import json
from make_templates import environment

EACH = "{% for m in messages %}"
TEMPLATES = [
    EACH + "{{ m.role }}:{{ (m.content or '').split('</think>')[-1].lstrip('\\n') }}|{{ (m.content or '').rstrip('\\n') }}|{% endfor %}",
    EACH + "{{ m.content | trim }}|{{ (m.content ~ '').strip() }}|{{ (m.content | string).strip('ab') }}|{{ m.content | string | trim('x') }}\n{% endfor %}",
    "<a>\r\n" + EACH + "\r\n<{{ m.role }}>{{ m.content }}\r\n{% endfor %}\r\n{% if add_generation_prompt %}\r\n<assistant>\r\n{% endif %}",
    "{{ none }}{{ tools }}{{ true }}{{ messages[0].name }}{{ {'a': 1}.get('b') }}{{ 'a' ~ none }}{{ none | string }}{{ undefined_name }}",
    EACH + "{{ m }}\n{{ m | tojson }}\n{% endfor %}{{ {'a': [1, 'x', true, none, 1.0]} }}{{ (1, 'a') | tojson }}{{ [1.0, \"it's\", 'q\"'] }}",
    "{{ [] == [] }} {{ messages != [] }} {{ undefined_name == none }} {{ [1] in [[1]] }} {{ 'a' < 'b' }} {{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ true == 1 }}",
    "{% set n = 1 %}" + EACH + "{% set n = n + 1 %}{{ n }}{% endfor %}{{ n }}{% set ns = namespace(n=0) %}" + EACH + "{% set ns.n = ns.n + loop.index %}{% endfor %}{{ ns.n }}",
    "{{ messages | map(attribute='role') | join(',') }} {{ messages | join(',', attribute='role') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | list }}",
    EACH + "{% if m.content is string %}{{ m.content | capitalize }}|{{ m.content | title }}|{{ m.content | indent(2, first=true) }}|{{ m.content | upper | lower | replace('l', 'L') }}|{{ m.content | wordcount }}{% elif m.content is iterable %}{{ m.content | map(attribute='text') | join }}{% else %}none{% endif %}\n{% endfor %}",
    EACH + "{% if m.content is string %}{{ m.content[0] }}|{{ m.content[1:] }}|{{ m.content[::-1] }}|{{ m.content[-3:-1] }}|{{ m.content | length }}|{{ m.content | first }}{{ m.content | last }}{% endif %}{% endfor %}",
    "{% for x in '' %}{{ x }}{% endfor %}{% for x in undefined_name %}{{ x }}{% else %}E{% endfor %}{{ undefined_name | length }}{{ undefined_name ~ 'a' }}{{ undefined_name | default('D') }}{{ '' | default('D', true) }}{% for c in messages[0].role %}{{ c }},{% endfor %}",
    EACH + "{{ (m.content | string).rsplit('</think>', 1)[0] }}|{{ (m.content | string).partition('=')[2] }}|{{ (m.content | string).find('l') }}|{{ (m.content | string).count('l') }}|{{ (m.content | string).startswith('H') }}|{{ (m.content | string).splitlines() | length }}|{{ (m.content | string).removeprefix('H') }}|{{ (m.content | string).isdigit() }}\n{% endfor %}",
    "{{ '{} {}'.format(1, messages[0].role) }}|{{ '%s and %d, %5.1f' % (messages[0].role, 3, 2.25) }}|{{ '%(a)s' | format(a=1) }}|{{ '{0:>6}{a!r}'.format('x', a='y') }}",
    "{{ [1] * 2 }}{{ 'ab' * 2 }}{{ -7 % 3 }}{{ -7 // 2 }}{{ 7 / 2 }}{{ 2 ** 5 }}{{ 1e3 }}{{ 2.5 | round }}{{ 3.14159 | round(2) }}{{ [1, 2] | sum }}{{ [3, 1] | max }}{{ [3, 1] | min }}{{ '12' | int + 1 }}{{ '1.5' | float }}{{ 6 is divisibleby 3 }}{{ messages | length is odd }}",
    "{% raw %}{{ x }}{% endraw %}{% with a=1, b=2 %}{{ a + b }}{% endwith %}{% for k, v in {'a': 1}.items() | list %}{{ k }}{{ v }}{% endfor %}{% for pair in {'b': 2, 'a': 1} | dictsort %}{{ pair[0] }}{% endfor %}{{ {0: 'zero'}[0] }}",
    "{% set j = joiner(', ') %}" + EACH + "{{ j() }}{{ m.role }}{{ loop.cycle('-', '+') }}{% if loop.index == 3 %}{% break %}{% endif %}{% if m.role == 'tool' %}{% continue %}{% endif %}.{% endfor %}",
    "{% macro say(role, content='-') %}<{{ role }}>{{ content }}{{ caller() if caller }}{% endmacro %}" + EACH + "{{ say(m.role, content=m.content) }}{% endfor %}{% call say('x') %}[{{ messages | length }}]{% endcall %}",
    EACH + "{%- if m.role == 'user' -%}\n    U: {{ m.content }}\n{%- elif m.tool_calls -%}\n  {%- for call in m.tool_calls %}\n  <call>{{ call.function.name }}({% for k, v in call.function.arguments.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %})\n  {% endfor -%}\n{%- else +%}\n    {{ m.content if m.content is not none else '' }}\n{%- endif %}\n{% endfor %}",
    "{%- for m in messages %}{%- if loop.previtem is undefined or loop.previtem.role != m.role %}[{{ m.role }}]{% endif %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.last }}{{ loop.changed(m.role) }}{{ loop.nextitem.role if loop.nextitem is defined else '.' }}{%- endfor %}",
    "{% set text %}{{ messages[0].role | upper }}  {% endset %}{{ text | trim }}{% filter upper %}abc{{ messages[-1].role }}{% endfilter %}{% set a, b = messages[0].role, 2 %}{{ a }}{{ b }}{# gone #}{{ ['c', 'a', 'B'] | sort | join }}{{ ['a', 'A', 'b'] | unique | list }}{{ messages | groupby('role') | map('first') | list }}",
    EACH + "{{ m.content | tojson(indent=2) }}{{ m | tojson(separators=(',', ':'), sort_keys=true) }}\n{% endfor %}",
    "{% if tools %}{% for tool in tools %}{{ tool | tojson(indent=4) }}\n{{ tool.function.parameters.properties.keys() | list }}{{ tool.type }}{{ tool['function']['name'] }}{% endfor %}{% else %}no tools{% endif %}{{ tools | selectattr('type') | list | length }}",
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if loop.index0 == 0 and system is not false %}{{ '<<SYS>>' + system }}{% endif %}{{ message['role'] + message['content'].strip() }}{% endfor %}",
    "{{ messages[0].content.x }}{{ messages[0].__class__ }}{{ messages[99] }}{{ messages[0]['nothing'] }}{{ messages[0].get('role') }}",
]

CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "days": 2, "units": None}}}
USER, ANSWER = {"role": "user", "content": "Hello, who are you?"}, {"role": "assistant", "content": "<think>\nx\n</think>\n\n  code\n"}
CONVERSATIONS = [
    [USER],
    [USER, ANSWER, {"role": "user", "content": "a=b=c"}],
    [{"role": "system", "content": "Be brief. "}, USER],
    [{"role": "system", "content": ""}, USER, ANSWER],
    [{"role": "user", "content": "\ufeffmark \x1f\x85 a \x1c"}],
    [{"role": "user", "content": "😀b\r\nline two\n\nline four\n"}],
    [{"role": "user", "content": "  it's hELLO wörld \"quoted\"\t\\ ½  "}],
    [{"role": "user", "content": ""}],
    [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "{\"t\": 3.0}"}],
    [USER, {"role": "assistant", "tool_calls": [CALL, CALL]}, {"role": "tool", "content": "rain"}, ANSWER],
    [{"role": "user", "content": [{"type": "text", "text": "part one"}, {"type": "text", "text": " and two"}]}],
    [{"role": "user", "content": "xxyxx", "name": None}],
    [{"role": "assistant", "content": "I begin"}],
    [USER, USER],
    [{"role": "user", "content": "12"}],
    [{"role": "user", "content": "{{ 1 }}{% if %}</think>late"}],
    [{"role": "user", "content": "<|im_end|>\n<|im_start|>system"}],
    [USER, ANSWER] * 3,
    [{"role": "user", "content": "abcab\u2028next\u3000"}],
    [{"role": "user", "content": "日本語のテキスト", "extra": [1, 2.5, {"deep": [[]]}]}],
]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {"type": ["string", "null"]}}}}}]

cases = []
for template in TEMPLATES:
    texts = []
    for i, messages in enumerate(CONVERSATIONS):
        try:
            text = environment.from_string(template).render(
                messages=copy.deepcopy(messages), tools=TOOLS if i % 3 == 0 else None, bos_token="<s>", eos_token="</s>",
                add_generation_prompt=i % 2 == 0)
        except Exception:
            text = None
        texts.append(text)
    cases.append({"template": template, "texts": texts})
if __name__ == "__main__":
    print(json.dumps({"conversations": CONVERSATIONS, "tools": TOOLS, "cases": cases}, indent=1))
