from rest_framework_simplejwt import authentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from config.credentials import credential
from jwt_auth.models import living_family
from jwt_auth.tokens import AccessToken


class JWTAuthentication(authentication.JWTAuthentication):
    """SimpleJWT's access token, of a login that lives: its family and its user are read in one query.

    Returns (user, jwt_auth.tokens.AccessToken). Raises InvalidToken (401) for a token that is malformed,
    forged, expired or of another type, whose login has been ended, or whose user is deleted or not active.
    """

    keyword = "Bearer"
    token_class = AccessToken

    def authenticate(self, request):
        raw_token = credential(request, self.keyword)
        if raw_token is None:
            return None
        try:
            token = self.token_class(raw_token)
            return living_family(token).user, token
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error
