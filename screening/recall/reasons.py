"""Coded reasons for not calling somebody. Local codes: no standard has them. The list is the department's to extend."""

from collections.abc import Mapping
from typing import Final

from screening.models import DecisionKind
from screening.protocol.shapes import Text

DEFER: Final[Mapping[str, Text]] = {
    "pregnant": {"vi": "Đang mang thai hoặc mới sinh", "en": "Pregnant or has just given birth"},
    "ill": {"vi": "Đang bị bệnh cấp tính hoặc đang điều trị", "en": "Acutely ill or under treatment"},
    "recently-tested": {"vi": "Mới xét nghiệm ở nơi khác", "en": "Tested elsewhere a short time ago"},
    "away": {"vi": "Đi vắng", "en": "Away from home"},
    "later": {"vi": "Muốn làm vào lúc khác", "en": "Would rather come later"},
}
OPT_OUT: Final[Mapping[str, Text]] = {
    "not-wanted": {"vi": "Không muốn sàng lọc", "en": "Does not want to be screened"},
    "tested-elsewhere": {"vi": "Tự theo dõi ở nơi khác", "en": "Is followed up elsewhere by own choice"},
    "no-reason": {"vi": "Không nêu lý do", "en": "Gave no reason"},
}
CEASE: Final[Mapping[str, Text]] = {
    "organ-absent": {"vi": "Không còn cơ quan cần sàng lọc", "en": "The organ to be screened has been removed"},
    "under-care": {"vi": "Đang điều trị hoặc theo dõi bệnh này", "en": "Under care for this very disease"},
    "not-fit": {"vi": "Sức khỏe không cho phép, lâu dài", "en": "Lastingly not fit for screening"},
    "informed-refusal": {
        "vi": "Đã được tư vấn và ký từ chối",
        "en": "Declined in writing after counselling",
    },
}
REASONS: Final[Mapping[str, Mapping[str, Text]]] = {
    DecisionKind.DEFER.value: DEFER,
    DecisionKind.OPT_OUT.value: OPT_OUT,
    DecisionKind.CEASE.value: CEASE,
}
