import gettext

import pytest
from django.core.management import CommandError, call_command

from healthhub.web.messages import in_python, in_template

TEMPLATE = """
{% load i18n %}{# _("hidden") #}
<h1>{% translate "Kết quả 100%" %}</h1>{% translate 'Một' context "số" %}
{% blocktranslate trimmed with n=x.y count k=x.z %}
  {{ n }} người
  xét nghiệm
{% plural %}{{ n }} nhiều{% endblocktranslate %}
{% if a == _("Hai") %}{{ b|default:_("Ba") }}<c-card :title="_('Bốn')" label="{% translate 'Năm' %}"/>{% endif %}
"""


def test_every_way_of_marking_a_text_in_a_template_is_found():
    assert list(in_template(TEMPLATE)) == [
        (None, "Kết quả 100%%", None),
        ("số", "Một", None),
        (None, "%(n)s người xét nghiệm", "%(n)s nhiều"),
        (None, "Hai", None),
        (None, "Ba", None),
        (None, "Bốn", None),
        (None, "Năm", None),
    ]


def test_every_way_of_marking_a_text_in_python_is_found_and_computed_ones_are_not():
    source = '_("a" "b"); t.ngettext("x", "y", n); _(f"z{k}"); pgettext_lazy("c", "m"); gettext_noop("n"); other("no")'
    assert set(in_python(source)) == {(None, "ab", None), (None, "x", "y"), ("c", "m", None), (None, "n", None)}


def test_a_text_is_found_under_whatever_name_its_function_was_imported():
    source = 'from django.utils.translation import gettext as now, ngettext_lazy as n\nnow("a"); n("x", "y", 2)'
    assert set(in_python(source)) == {(None, "a", None), (None, "x", "y")}


@pytest.fixture
def project(tmp_path, settings):
    """A project of one template, whose catalogue has been collected."""
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    templates = tmp_path / "records" / "templates"
    templates.mkdir(parents=True)
    (templates / "a.html").write_text('{% translate "Xin chào %(name)s" %}{% translate "Kết quả" %}', encoding="utf-8")
    call_command("translations", "extract", verbosity=0)
    return tmp_path


def catalogue(project):
    return project / "locale" / "en" / "LC_MESSAGES" / "django.po"


def translate(project, vietnamese, english):
    text = catalogue(project).read_text(encoding="utf-8")
    path = catalogue(project)
    path.write_text(
        text.replace(f'msgid "{vietnamese}"\nmsgstr ""', f'msgid "{vietnamese}"\nmsgstr "{english}"'), "utf-8"
    )


def test_check_names_the_untranslated(project):
    translate(project, "Kết quả", "Result")
    with pytest.raises(CommandError, match=r"not translated: 'Xin chào"):
        call_command("translations", "check")


def test_check_passes_a_whole_catalogue_and_compile_makes_it_readable(project):
    translate(project, "Kết quả", "Result")
    translate(project, "Xin chào %%(name)s", "Hello %%(name)s")
    call_command("translations", "check")
    call_command("translations", "compile")
    with catalogue(project).with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Kết quả") == "Result"


def test_check_names_what_is_new_and_what_is_gone(project):
    (project / "records" / "templates" / "a.html").write_text('{% translate "Mới" %}', encoding="utf-8")
    with pytest.raises(CommandError) as raised:
        call_command("translations", "check")
    assert "not in the catalogue: 'Mới'" in str(raised.value)
    assert "no longer used: 'Kết quả'" in str(raised.value)


def test_collecting_again_changes_nothing_and_keeps_translations(project):
    translate(project, "Kết quả", "Result")
    before = catalogue(project).read_text(encoding="utf-8")
    (project / "records" / "templates" / "a.html").write_text(
        '\n\n{% translate "Kết quả" %}\n{% translate "Xin chào %(name)s" %}', encoding="utf-8"
    )
    call_command("translations", "extract", verbosity=0)
    assert catalogue(project).read_text(encoding="utf-8") == before
    assert 'msgstr "Result"' in before
