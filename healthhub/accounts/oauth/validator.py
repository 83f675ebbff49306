"""The token endpoint's rules, where they are narrower than django-oauth-toolkit's."""

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request

from healthhub.accounts.demo import is_refused_demo_client


class TokenValidator(OAuth2Validator):
    """Client credentials as django-oauth-toolkit checks them, less the demo's client outside the demo."""

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *a: Any, **k: Any
    ) -> bool:
        """Whether the client may use this grant."""
        return not is_refused_demo_client(client_id) and bool(
            super().validate_grant_type(client_id, grant_type, client, request, *a, **k)
        )
