"""What people wish about messages, and when a pile of letters went to the post."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import DayField, offer
from screening.models.messages import Channel


class PreferenceForm(forms.Form):
    """How somebody wants to be written to. Only ways that are known of her are offered."""

    channel = forms.ChoiceField(label=_("Chúng tôi liên lạc với bạn bằng"), required=False, widget=forms.RadioSelect)
    zalo = forms.BooleanField(label=_("Tôi đồng ý nhận tin qua Zalo ở số điện thoại này"), required=False)
    language = forms.ChoiceField(
        label=_("Ngôn ngữ của thư và tin nhắn"),
        choices=[("vi", "Tiếng Việt"), ("en", "English")],
        widget=forms.RadioSelect,
    )
    no_messages = forms.BooleanField(label=_("Đừng gửi cho tôi thư hay tin nhắn nào"), required=False)

    def __init__(self, *args: Any, known: dict[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        ways = [(channel, f"{Channel(channel).label} ({address})") for channel, address in known.items()]
        offer(self, "channel", [("", _("Cách tiện nhất")), *ways])
        if Channel.ZALO not in known:
            del self.fields["zalo"]

    def clean(self) -> dict[str, Any]:
        """Whoever chooses Zalo agrees to it."""
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["zalo"] = bool(cleaned.get("zalo")) or cleaned.get("channel") == Channel.ZALO
        return cleaned


class PostedForm(forms.Form):
    """The day on which a batch was taken to the post; if letters are to be pulled, that they were."""

    on = DayField(label=_("Ngày gửi bưu điện"))
    pulled = forms.BooleanField(
        label=_("Đã rút khỏi chồng thư các trang nêu trên"),
        error_messages={"required": _("Hãy rút các trang nêu trên trước, rồi đánh dấu vào ô này.")},
    )

    def __init__(self, *args: Any, printed_on: date, pulls: bool, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"on": timezone.localdate()}} | options)
        self.printed_on = printed_on
        if not pulls:
            del self.fields["pulled"]

    def clean_on(self) -> date:
        """Between the making of the file and today."""
        on: date = self.cleaned_data["on"]
        if on > timezone.localdate():
            raise forms.ValidationError(_("Ngày này chưa đến."))
        if on < self.printed_on:
            raise forms.ValidationError(_("Ngày này ở trước ngày tạo tệp in."))
        return on
