"""Addresses of files of results and of analysers' messages."""

from django.urls import path

from screening.views import imports, left, machines

urlpatterns = [
    path("clinic/imports/", imports.batches, name="clinic-imports"),
    path("clinic/imports/template.<str:kind>", imports.template, name="clinic-import-template"),
    path("clinic/imports/left/", left.left, name="clinic-imports-left"),
    path("clinic/imports/left/<int:row_id>/", left.settle, name="clinic-imports-settle"),
    path("clinic/imports/left/file/<int:batch_id>/", left.settle_file, name="clinic-imports-settle-file"),
    path("clinic/imports/<int:batch_id>/", imports.batch, name="clinic-import"),
    path("clinic/imports/<int:batch_id>/columns/", imports.columns, name="clinic-import-columns"),
    path("clinic/imports/<int:batch_id>/decide/", imports.decide, name="clinic-import-decide"),
    path("clinic/imports/<int:batch_id>/approve/", imports.approve, name="clinic-import-approve"),
    path("clinic/imports/<int:batch_id>/cancel/", imports.cancel, name="clinic-import-cancel"),
    path("clinic/imports/<int:batch_id>/undo/", imports.undo, name="clinic-import-undo"),
    path("clinic/imports/<int:batch_id>/errors.csv", imports.errors, name="clinic-import-errors"),
    path("clinic/machines/", machines.machines, name="clinic-machines"),
    path("clinic/machines/new/", machines.new, name="clinic-machine-new"),
    path("clinic/machines/connection/<int:connection_id>/", machines.change, name="clinic-machine-change"),
    path("clinic/machines/connection/<int:connection_id>/switch/", machines.switch, name="clinic-machine-switch"),
    path("clinic/machines/<int:message_id>/", machines.message, name="clinic-machine-message"),
]
