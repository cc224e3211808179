import time

import pytest

from app.distribute.templates import Template, TemplateFailed

LEAD = {"lead": {"name": 'A"B\n<&>é', "bill": 120, "owner": True, "none": None, "list": [1, 2]}}


@pytest.mark.parametrize(
    ("place", "text", "made"),
    [
        ("json", '{"n": "{{ lead.name }}"}', '{"n": "A\\"B\\n<&>é"}'),
        ("json", '{"n": {{ lead.name | tojson }}}', '{"n": "A\\"B\\n\\u003c\\u0026\\u003e\\u00e9"}'),
        ("json", '{"b": {{ lead.bill * 2 }}, "o": {{ lead.owner }}}', '{"b": 240, "o": true}'),
        ("xml", "<n>{{ lead.name }}</n>", "<n>A&quot;B\n&lt;&amp;&gt;é</n>"),
        ("form", "n={{ lead.name }}", "n=A%22B%0A%3C%26%3E%C3%A9"),
        ("header", "{{ lead.name }}", 'A"B <&>é'),
        ("plain", "{{ lead.name }}", 'A"B\n<&>é'),
        ("plain", "[{{ lead.missing }}{{ lead.none }}{{ lead.missing.more }}{{ unknown }}]", "[]"),
        ("plain", "{% if lead.bill >= 100 %}big{% else %}small{% endif %}", "big"),
        ("plain", "{% for n in lead.list %}{{ n }};{% endfor %}", "1;2;"),
        ("plain", "{{ lead.name[:1] | lower }}", "a"),
    ],
)
def test_a_value_is_written_for_its_place(place, text, made):
    assert Template(text, place).render(LEAD) == made


@pytest.mark.parametrize(
    "text", ["{{ lead.", "{% if %}", "{% for x in y %}", "{{ a | nosuch }}", "{% include 'x' %}{{"]
)
def test_what_is_no_template_is_refused_when_saved(text):
    with pytest.raises(ValueError):
        Template(text, "plain")


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 999999999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ lead.name.__class__.__mro__ }}",
        "{{ lead.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ range(100) }}",
        "{{ 1 / 0 }}",
        "{{ lead.bill + 'a' }}",
        "{% include 'x' %}",
        "{{ lead.list.append(3) }}",
        "{% for a in 'aaaaaaaaaa' %}{% for b in 'a'.join('%s' | list) %}{{ b }}{% endfor %}{% endfor %}{{ nothing() }}",
    ],
)
def test_a_template_can_neither_grow_nor_reach_out(text):
    began = time.process_time()
    try:
        made = Template(text, "plain").render(LEAD)
    except (TemplateFailed, ValueError):
        made = ""
    assert len(made) < 1000
    assert "class" not in made
    assert time.process_time() - began < 1


def test_a_failure_says_nothing_of_the_lead():
    with pytest.raises(TemplateFailed) as failed:
        Template("{{ lead.name + 1 }}", "plain").render(LEAD)
    assert str(failed.value) == "TypeError"


def test_a_text_that_grows_by_turns_is_cut_off():
    turns = "{% for a in l %}" * 4 + "{{ 'aaaaaaaaaaaaaaaa' }}" + "{% endfor %}" * 4
    with pytest.raises(TemplateFailed, match="too_long"):
        Template(turns, "plain").render({"l": list(range(100))})
