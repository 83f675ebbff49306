"""The sentences of the station's page, which its script fills in (%n a number, %p a person, %t a time)."""

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """By key, in the reader's language."""
    return {
        "begin": _("Đặt mật khẩu cho máy này"),
        "unlock": _("Mở khóa"),
        "tooShort": _("Mật khẩu của máy cần ít nhất %n ký tự."),
        "wrong": _("Mật khẩu chưa đúng. Dữ liệu trên máy vẫn được giữ nguyên."),
        "listOf": _("Danh sách %n người, lấy lúc %t."),
        "noList": _("Chưa có danh sách cho hôm nay. Khi có mạng, hãy lấy danh sách để mang theo."),
        "age": _("%n tuổi"),
        "queue": _("Chờ gửi: %n kết quả"),
        "waits": _("Chờ gửi khi có mạng."),
        "held": _("Trong hồ sơ: %h"),
        "drop": _("Giữ kết quả trong hồ sơ"),
        "correct": _("Sửa hồ sơ theo kết quả này"),
        "save": _("Lưu thêm kết quả này"),
        "edit": _("Sửa"),
        "remove": _("Xóa"),
        "removeSure": _("Xóa kết quả chưa gửi của %p? Không lấy lại được."),
        "notOnList": _("Người này không có trong danh sách hôm nay. Hãy lấy lại danh sách khi có mạng, rồi sửa."),
        "unknown": _("Không rõ"),
        "byValue": _("Theo số đo"),
        "choose": _("Chọn kết quả"),
        "needsDay": _("Hãy nhập ngày lấy mẫu."),
        "future": _("Ngày này chưa đến."),
        "onlyOne": _("Chỉ ghi một trong hai: số đo, hoặc kết quả không có số đo."),
        "needsValue": _("Hãy nhập kết quả."),
        "notNumber": _("Phải là một số, ví dụ 12,5."),
        "means": _("Đọc là: %l. Máy chủ sẽ đọc lại theo quy trình khi gửi."),
        "kept": _("Đã giữ kết quả của %p trong máy, đã mã hóa."),
        "sending": _("Đang gửi %d/%n …"),
        "sentAll": _("Đã gửi xong %n kết quả."),
        "sentSome": _("Đã gửi %n kết quả; còn %l kết quả cần bạn xem lại ở dưới."),
        "taking": _("Đang lấy danh sách …"),
        "taken": _("Đã lấy danh sách. Bạn có thể đi mà không cần mạng."),
        "signedOut": _("Phiên làm việc đã hết."),
        "somebodyElse": _(
            "Danh sách trên máy này là của người khác. Hãy đăng nhập bằng tài khoản của người đó để gửi."
        ),
        "unreachable": _("Không kết nối được máy chủ. Mọi thứ vẫn được giữ trong máy; hãy thử lại khi có mạng."),
        "online": _("Có mạng"),
        "offline": _("Không có mạng"),
        "wipeSure": _("Xóa danh sách và khóa khỏi máy này?"),
        "wipeWaiting": _("Còn %n kết quả chưa gửi sẽ mất vĩnh viễn. Vẫn xóa mọi thứ khỏi máy này?"),
    }
