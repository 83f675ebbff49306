"""The pages for what goes wrong. None of them touches the database: it may be what is broken."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request cannot be understood."""
    return _page(
        request,
        400,
        _("Không đọc được yêu cầu này"),
        _("Đường dẫn hoặc nội dung gửi lên không hợp lệ. Chưa có gì được lưu. Hãy quay lại trang trước và thử lại."),
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, and not for this role or not a person that the actor may see."""
    return _page(
        request,
        403,
        _("Bạn không có quyền xem trang này"),
        _(
            "Trang này dành cho vai trò khác, hoặc hồ sơ này không thuộc phạm vi của bạn. Nếu bạn cần xem để làm việc, "
            "hãy hỏi người quản lý tài khoản của cơ sở."
        ),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing at this address."""
    return _page(
        request,
        404,
        _("Không tìm thấy trang"),
        _("Địa chỉ có thể đã đổi hoặc gõ nhầm. Hãy kiểm tra lại địa chỉ, hoặc bắt đầu từ trang chủ."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    return _page(
        request,
        500,
        _("Hệ thống gặp lỗi"),
        _("Đây là lỗi của chúng tôi, không phải của bạn. Những gì bạn đã lưu vẫn còn. Hãy thử lại sau ít phút."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form did not come from a page of ours, or the page was open for too long."""
    return _page(
        request,
        403,
        _("Trang đã mở quá lâu"),
        _("Vì lý do an toàn, biểu mẫu này đã hết hạn và chưa được lưu. Hãy quay lại, tải lại trang rồi gửi lại."),
    )


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context: dict[str, Any] = {"status": status, "title": title, "text": text}
    return render(request, "web/error.html", context, status=status)
