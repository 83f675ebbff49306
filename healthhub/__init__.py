"""The project: wiring, and what all apps share."""

from healthhub.celery import app as celery_app  # so that every process's `shared_task` sends to the configured broker

__all__ = ["celery_app"]
