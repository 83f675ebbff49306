"""Machine clients and apps: OAuth2 by django-oauth-toolkit, shaped as SMART App Launch 2.2 wants it.

https://hl7.org/fhir/smart-app-launch/
"""
