"""Chat templates that use what released templates use, and what jinja2 3.1.6 makes of them.

    pip install jinja2==3.1.6 && python3 make_templates.py > templates.json

The environment is that of transformers 5.23.0 (utils/chat_template_utils.py): sandboxed, trim_blocks, lstrip_blocks,
loop controls, a tojson filter that is json.dumps without escapes, raise_exception and strftime_now.
"""
import datetime
import json
import sys
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 6, 15, 4, 5)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = NOW.strftime

TEMPLATES = {
    "headers, date and tools in the first message": """{{- bos_token }}
{%- if not date is defined %}
    {%- set date = strftime_now("%d %b %Y, %A %B %H:%M:%S %p %I %y-%m %%") %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|header|>system<|end|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools:\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- "Today: " + date + "\\n" + system + eos_token }}
{%- for message in messages %}
    {{- '<|header|>' + message['role'] + "<|end|>\\n\\n" + message['content'] | trim + eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header|>assistant<|end|>\\n\\n' }}
{%- endif %}
""",
    "neighbours, namespaces and blocks": """{% set ns = namespace(users=0, last='none') %}
{% for message in messages %}
  {% if message.role == "user" %}
    {% set ns.users = ns.users + 1 %}
  {% endif %}
{{ loop.index0 }}/{{ loop.length }}{{ ' first' if loop.first else ' later' }}{{ ' last' if loop.last }}
  {%- if loop.index0 > 0 and messages[loop.index0 - 1].role == message.role %} same{% endif %}
 {{ message.role | upper }}: {{ message.content.strip().split('\\n')[0] | replace('a', 'A') }} ({{ message.content | length }})
{# a comment #}
{% else %}
nobody
{% endfor %}
users {{ ns.users }}, {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
""",
    "macros, tests and control": """{%- macro turn(role, text='-', end='</s>') -%}
    <{{ role }}>{{ text }}{{ end }}
{%- endmacro -%}
{%- for message in messages -%}
    {%- if message.role == 'tool' %}{% continue %}{% endif -%}
    {%- if loop.index > 4 %}{% break %}{% endif -%}
    {{ turn(message.role, message.content, end='</' ~ message.role ~ '>') }}
    {%- if message.tool_calls is defined and message.tool_calls is not none -%}
        {%- for call in message.tool_calls -%}
            {{ '\\n<call>' }}{{ {"name": call.function.name, "arguments": call.function.arguments} | tojson }}{{ '</call>' }}
        {%- endfor -%}
    {%- endif -%}
{%- endfor -%}
{{ range(3) | join(',') }} {{ [1, 2, 3][::-1] }} {{ 7 // 2 }} {{ -7 % 3 if false else 7 % 3 }} {{ 'b' in 'abc' }} {{ none is none }}
""",
    "roles must alternate": """{%- for message in messages -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{%- endif -%}
[{{ message['role'] }}] {{ message['content'] }}
{%- endfor -%}
""",
}

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Wie ist das Wetter? \u2603 \"so\"",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                         "required": []}}}]
CONVERSATIONS = [
    [],
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": "  Be kind.\n"}, {"role": "user", "content": " a banana\nsplit "}],
    [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two é 日本 😀"}, {"role": "user", "content": "three"}],
    [{"role": "user", "content": "x"}, {"role": "user", "content": "<|end|> {{ 1 }} {% raw %}"}],
    [{"role": "user", "content": "w?"},
     {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Köln", "days": 2}}}]},
     {"role": "tool", "content": "sun"}, {"role": "assistant", "content": "Sun."}, {"role": "user", "content": "ok"},
     {"role": "assistant", "content": "late"}],
]


def main():
    cases = []
    for name, source in TEMPLATES.items():
        template = environment.from_string(source)
        for messages in CONVERSATIONS:
            for tools in (None, TOOLS):
                case = {"template": name, "messages": messages, "tools": tools, "add_generation_prompt": tools is None}
                try:
                    case["text"] = template.render(messages=messages, tools=tools, documents=None, bos_token="<s>",
                                                   eos_token="</s>", add_generation_prompt=case["add_generation_prompt"])
                except jinja2.exceptions.TemplateError as error:
                    case["error"] = type(error).__name__ + ": " + str(error)
                cases.append(case)
    json.dump({"jinja2": jinja2.__version__, "now": NOW.isoformat(), "templates": TEMPLATES, "cases": cases}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
