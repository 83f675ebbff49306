"""The Celery app. Tasks live in each app's ``tasks`` module: ids in, one service call each, safe to run twice."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthhub.settings")

app = Celery("healthhub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
