"""Addresses of the laboratory: tubes, entry, verification, matching, orders, and notices of changed results."""

from django.urls import path

from screening.views import bench, matching, notices, orders, rack, specimens, verify

urlpatterns = [
    path("clinic/bench/", bench.bench, name="clinic-bench"),
    path("clinic/bench/undo/", bench.undo, name="clinic-bench-undo"),
    path("clinic/bench/end/", bench.end, name="clinic-bench-end"),
    path("clinic/bench/rack/", rack.rack, name="clinic-rack"),
    path("clinic/bench/receive/", specimens.receipt, name="clinic-receive"),
    path("clinic/bench/send/", specimens.send, name="clinic-send"),
    path("clinic/bench/reject/<str:barcode>/", specimens.reject, name="clinic-reject"),
    path("clinic/bench/tubes/<str:barcode>/", specimens.tube, name="clinic-tube"),
    path("clinic/bench/late/", specimens.overdue, name="clinic-specimens"),
    path("clinic/bench/kits/", specimens.kits, name="clinic-kits"),
    path("clinic/bench/tell/", verify.tell, name="clinic-tell"),
    path("clinic/bench/verify/", verify.queue, name="clinic-verify"),
    path("clinic/bench/verify/<id:observation_id>/", verify.second, name="clinic-second"),
    path("clinic/bench/differences/<int:difference_id>/", verify.settle, name="clinic-settle"),
    path("clinic/bench/matching/", matching.queue, name="clinic-matching"),
    path("clinic/bench/matching/new/", matching.new, name="clinic-matching-new"),
    path("clinic/bench/matching/<int:unmatched_id>/", matching.one, name="clinic-matching-one"),
    path("clinic/bench/matching/<int:unmatched_id>/<id:patient_id>/", matching.person, name="clinic-matching-person"),
    path("clinic/labels/", orders.labels, name="clinic-labels"),
    path("clinic/people/<id:patient_id>/orders/", orders.orders, name="clinic-orders"),
    path("clinic/people/<id:patient_id>/orders/<id:order_id>/cancel/", orders.cancel, name="clinic-order-cancel"),
    path("clinic/notices/", notices.notices, name="clinic-notices"),
    path("clinic/notices/<int:notice_id>/seen/", notices.seen, name="clinic-notice-seen"),
    path("me/notices/<int:notice_id>/seen/", notices.my_seen, name="me-notice-seen"),
]
