"""How to take a sample, as the slip tells the person: short steps in plain words. Drafts for clinicians to approve."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_STEPS: Final["dict[str, list[_StrPromise]]"] = {
    "fit": [
        _("Đi tiểu trước. Lót giấy hoặc túi sạch trong bồn cầu để phân không chạm nước."),
        _("Mở nắp ống. Quẹt que lên nhiều chỗ trên bề mặt phân, chỉ cần phủ kín các rãnh ở đầu que."),
        _("Cắm que lại vào ống, vặn chặt đến khi nghe tiếng “tách”. Đừng mở lại."),
        _("Ghi ngày giờ lấy mẫu lên ống. Để ống vào túi có nhãn này."),
        _("Giữ nơi mát, gửi lại trong vòng 3 ngày. Không lấy mẫu khi đang hành kinh hoặc trĩ đang chảy máu."),
    ],
    "hpv": [
        _("Không đặt thuốc, không thụt rửa âm đạo và tránh quan hệ trong 2 ngày trước khi lấy mẫu."),
        _("Không lấy mẫu khi đang hành kinh."),
        _("Nhân viên y tế lấy mẫu cho bạn, hoặc hướng dẫn bạn tự lấy bằng que riêng; mất khoảng 5 phút."),
        _("Đậy chặt ống, dán nhãn này lên ống rồi đưa lại cho nhân viên."),
    ],
}
_GENERAL: Final["list[_StrPromise]"] = [
    _("Làm theo hướng dẫn của nhân viên y tế khi lấy mẫu."),
    _("Kiểm tra tên và ngày sinh trên nhãn có đúng là của bạn."),
    _("Nếu có điều chưa rõ, hãy hỏi trước khi lấy mẫu."),
]


def how_to(test: str) -> "list[_StrPromise]":
    """The steps for a test; general ones where nobody has written any."""
    return _STEPS.get(test, _GENERAL)
