"""Addresses of the protocols' pages."""

from django.urls import path

from screening.views import protocols

urlpatterns = [
    path("city/protocols/", protocols.protocol_list, name="city-protocols"),
    path("city/protocols/new/", protocols.protocol_upload, name="city-protocol-upload"),
    path("city/protocols/drafts/<int:version_id>/", protocols.protocol_draft, name="city-protocol-draft"),
    path("city/protocols/drafts/<int:version_id>/run/", protocols.protocol_run, name="city-protocol-run"),
    path(
        "city/protocols/drafts/<int:version_id>/activate/",
        protocols.protocol_activate,
        name="city-protocol-activate",
    ),
    path(
        "city/protocols/drafts/<int:version_id>/withdraw/",
        protocols.protocol_withdraw,
        name="city-protocol-withdraw",
    ),
    path("city/protocols/<slug:programme>/<id:version>/", protocols.protocol_version, name="city-protocol"),
    path("city/protocols/<slug:programme>/<id:version>.toml", protocols.protocol_file, name="city-protocol-file"),
]
