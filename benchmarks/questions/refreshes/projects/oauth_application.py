"""The OAuth application through which oauth-toolkit's users log in."""


def register():
    """Store a public client that may use the password grant, the one without a browser."""
    from oauth2_provider.models import Application

    Application.objects.create(
        name="benchmarks",
        client_id="benchmarks",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_PASSWORD,
    )
