"""Addresses of letters and messages."""

from django.urls import path

from screening.views import gateways, letters, messages, texts

urlpatterns = [
    path("m/<slug:token>", messages.arrive, name="message"),
    path("m/<slug:token>/not-me", messages.not_me, name="message-not-me"),
    path("gateways/<slug:channel>/reports", gateways.report, name="gateway-reports"),
    path("city/texts/", texts.overview, name="city-texts"),
    path("city/texts/<slug:group>/", texts.group, name="city-texts-group"),
    path("city/texts/<slug:group>/decide/", texts.decide, name="city-texts-decide"),
    path("me/messages/", messages.mine, name="me-messages"),
    path("me/messages/preferences/", messages.preferences, name="me-messages-preferences"),
    path("clinic/messages/", messages.unreached, name="clinic-messages"),
    path("clinic/people/<id:patient_id>/messages/", messages.of_person, name="clinic-person-messages"),
    path("clinic/people/<id:patient_id>/messages/act/", messages.act, name="clinic-person-messages-act"),
    *(
        path(f"{room}/letters/{address}", view, name=f"{room}-letters{name}")
        for room in ("clinic", "city")
        for address, view, name in (
            ("", letters.batches, ""),
            ("make/", letters.make, "-make"),
            ("<int:batch_id>/", letters.batch, "-batch"),
            ("<int:batch_id>/printed/", letters.printed, "-printed"),
            ("<int:batch_id>/letters.pdf", letters.file, "-file"),
        )
    ),
]
