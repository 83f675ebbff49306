"""Addresses of `screening`: a citizen's results, the clinic's pages (/clinic/), the city's pages (/city/)."""

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from screening.appointment_urls import appointment_pages
from screening.failsafe_urls import failsafe_pages
from screening.navigation import add_pages
from screening.protocol_urls import protocol_pages
from screening.views import (
    bench,
    city,
    decisions,
    imports,
    machines,
    matching,
    me,
    me_appointments,
    notices,
    orders,
    people,
    person,
    rack,
    recall,
    results,
    specimens,
    station,
    steps,
    verify,
    worklist,
)


class IdConverter(StringConverter):
    """A FHIR id: what cannot be one is no address of ours, and never reaches the database."""

    regex = r"[A-Za-z0-9\-.]{1,64}"


register_converter(IdConverter, "id")
add_pages()
me_appointments.register()
me.register()
notices.add_banners()

urlpatterns = [
    path("me/results/", me.results, name="me-results"),
    path("me/results/<id:observation_id>/", me.result, name="me-result"),
    *appointment_pages(),
    path("clinic/", worklist.worklist, name="clinic"),
    *failsafe_pages(),
    path("clinic/people/", people.people, name="clinic-people"),
    path("clinic/people/present/", people.present, name="clinic-present"),
    path("clinic/people/register/", people.register, name="clinic-register"),
    path("clinic/people/<id:patient_id>/", person.person, name="clinic-person"),
    path("clinic/people/<id:patient_id>/results/new/", results.new, name="clinic-result-new"),
    path(
        "clinic/people/<id:patient_id>/results/<id:observation_id>/correct/",
        results.correct,
        name="clinic-result-correct",
    ),
    path(
        "clinic/people/<id:patient_id>/results/<id:observation_id>/withdraw/",
        results.withdraw,
        name="clinic-result-withdraw",
    ),
    path("clinic/people/<id:patient_id>/results/<id:observation_id>/refer/", steps.refer, name="clinic-refer"),
    path("clinic/people/<id:patient_id>/results/<id:observation_id>/assess/", steps.assess, name="clinic-assess"),
    path("clinic/people/<id:patient_id>/rounds/<uuid:episode_id>/close/", steps.close, name="clinic-close"),
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
    path("clinic/imports/", imports.batches, name="clinic-imports"),
    path("clinic/imports/template.<str:kind>", imports.template, name="clinic-import-template"),
    path("clinic/imports/<int:batch_id>/", imports.batch, name="clinic-import"),
    path("clinic/imports/<int:batch_id>/columns/", imports.columns, name="clinic-import-columns"),
    path("clinic/imports/<int:batch_id>/decide/", imports.decide, name="clinic-import-decide"),
    path("clinic/imports/<int:batch_id>/approve/", imports.approve, name="clinic-import-approve"),
    path("clinic/imports/<int:batch_id>/cancel/", imports.cancel, name="clinic-import-cancel"),
    path("clinic/imports/<int:batch_id>/undo/", imports.undo, name="clinic-import-undo"),
    path("clinic/imports/<int:batch_id>/errors.csv", imports.errors, name="clinic-import-errors"),
    path("clinic/machines/", machines.machines, name="clinic-machines"),
    path("clinic/machines/<int:message_id>/", machines.message, name="clinic-machine-message"),
    path("clinic/station/", station.station, name="clinic-station"),
    path("clinic/station/app/", station.app, name="clinic-station-app"),
    path("clinic/station/app.webmanifest", station.manifest, name="clinic-station-manifest"),
    path("clinic/station/worker.js", station.worker, name="clinic-station-worker"),
    path("clinic/station/session/", station.session, name="clinic-station-session"),
    path("clinic/station/list/", station.pack, name="clinic-station-pack"),
    path("clinic/station/sync/", station.sync, name="clinic-station-sync"),
    path("clinic/recall/", decisions.clinic_recall, name="clinic-recall"),
    path("clinic/recall/places/<slug:programme>/", recall.clinic_places, name="clinic-recall-places"),
    path(
        "clinic/people/<id:patient_id>/screening/<slug:programme>/<slug:kind>/",
        decisions.decide,
        name="clinic-recall-decide",
    ),
    path("clinic/people/<id:patient_id>/decisions/<id:request_id>/undo/", decisions.undo, name="clinic-recall-undo"),
    path("me/screening/", decisions.mine, name="me-screening"),
    path("me/screening/decisions/<id:request_id>/undo/", decisions.undo_mine, name="me-screening-undo"),
    path("me/screening/<slug:programme>/<slug:kind>/", decisions.decide_for_me, name="me-screening-decide"),
    *protocol_pages(),
    path("city/recall/", recall.recall, name="city-recall"),
    path("city/recall/places/<slug:programme>/<id:facility_id>/", recall.city_places, name="city-recall-places"),
    path("city/recall/<slug:programme>/<slug:kind>/", recall.differences, name="city-recall-differences"),
    path("", include("screening.urls_messages")),
    path("city/", city.city, name="city"),
    path("city/<slug:table>.csv", city.download, name="city-csv"),
]
