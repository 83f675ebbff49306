"""Celery tasks of sign-in."""

from celery import shared_task

from healthhub.accounts import one_time


@shared_task
def send_sign_in_code(token: str, language: str) -> None:
    """Send the code that was asked for; a second run sends nothing."""
    one_time.deliver(token, language)
