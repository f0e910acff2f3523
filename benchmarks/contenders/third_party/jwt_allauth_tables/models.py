from jwt_allauth.tokens import models

__all__ = ["models"]
