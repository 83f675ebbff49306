"""Putting right or taking back a recorded step: the step's own form, prefilled, and a reason."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from screening.citizen import here
from screening.correcting import CORRECTED, IN_WORDS, WITHDRAWN, StepRecord
from screening.forms.fields import NoteField, offer
from screening.forms.steps import AssessForm
from screening.protocol.shapes import Text


class CorrectStepForm(AssessForm):
    """What was recorded, to be changed, and why. ``version`` is the one that was shown."""

    reason = forms.ChoiceField(label=_("Lý do sửa"), widget=forms.RadioSelect)
    why = NoteField(label=_("Nói rõ lý do"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, step: StepRecord, **options: Any) -> None:
        self.step = step
        held = {"done_on": step.done_on, "reported_on": step.reported_on, "finding": step.finding, "note": step.note}
        options["initial"] = {**held, **step.tnm, "version": step.version}
        super().__init__(*args, assessment=step.rule, protocol=step.protocol, earliest=step.since, **options)
        offer_reasons(self, CORRECTED)

    def clean(self) -> dict[str, Any]:
        """Something differs from what is stored; a reason that says nothing has words."""
        cleaned = super().clean() or {}
        check_words(self, cleaned)
        if not self.errors and not self._differs():
            self.add_error(None, _("Chưa có gì khác với bản đang lưu. Hãy sửa điều sai, hoặc quay lại."))
        return cleaned

    def corrected(self) -> dict[str, Any]:
        """The fields of ``correct_step`` that say what is right."""
        said = self.assessed()
        del said["assessment"]
        if "finding" not in self.fields:
            said["finding"] = self.step.finding
        if "reported_on" not in self.fields:
            said["reported_on"] = self.step.reported_on
        return said

    def _differs(self) -> bool:
        step, said = self.step, self.corrected()
        said["note"] = said["note"].replace("\r\n", "\n")
        held = {name: getattr(step, name) for name in ("finding", "done_on", "reported_on", "note")}
        return said != {**held, "note": step.note.strip(), "tnm": dict(step.tnm)}


class WithdrawStepForm(forms.Form):
    """Why it is taken back. ``version`` is the one that was shown."""

    reason = forms.ChoiceField(label=_("Lý do rút lại"), widget=forms.RadioSelect)
    why = NoteField(label=_("Nói rõ lý do"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, step: StepRecord, **options: Any) -> None:
        options["initial"] = {"version": step.version}
        super().__init__(*args, **options)
        offer_reasons(self, WITHDRAWN)

    def clean(self) -> dict[str, Any]:
        """A reason that says nothing has words."""
        cleaned = super().clean() or {}
        check_words(self, cleaned)
        return cleaned


def offer_reasons(form: forms.Form, reasons: Mapping[str, Text]) -> None:
    """Let one of these reasons be chosen."""
    offer(form, "reason", [(key, here(label)) for key, label in reasons.items()])


def check_words(form: forms.Form, cleaned: Mapping[str, Any]) -> None:
    """An error where the chosen reason says nothing without words, and has none."""
    if cleaned.get("reason") in IN_WORDS and not cleaned.get("why", "").strip():
        form.add_error("why", _("Hãy nói rõ lý do."))
