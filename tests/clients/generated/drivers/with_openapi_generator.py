"""Run the flow with the Python client that openapi-generator makes."""

from flow import Answer, run
from tracks_client import (
    ApiClient,
    ApiException,
    AuthTokenRequest,
    Configuration,
    JwtApi,
    ObtainPairRequest,
    PatchedTrackRequest,
    RefreshRequest,
    ServiceApi,
    TokenApi,
    TrackRequest,
    TracksApi,
)


class Calls:
    def __init__(self, base: str, kind: str, credential: str = ""):
        self.kind = kind
        # Without retries=0 urllib3 waits for Retry-After and sends a GET three times again.
        configuration = Configuration(host=base, retries=0)
        if credential and kind == "Token":
            configuration.api_key["token"] = credential
            configuration.api_key_prefix["token"] = "Token"
        elif credential:
            configuration.access_token = credential
        client = ApiClient(configuration)
        self.service, self.tracks = ServiceApi(client), TracksApi(client)
        self.token, self.jwt = TokenApi(client), JwtApi(client)

    def call(self, operation, *arguments, **options) -> Answer:
        try:
            answer = operation(*arguments, **options)
        except ApiException as error:
            return Answer(error.status, error.data.to_dict(), dict(error.headers))
        body = answer.data.to_dict() if answer.data is not None else {}
        return Answer(answer.status_code, body, dict(answer.headers))

    def log_in(self, username, password):
        login = {"username": username, "password": password}
        if self.kind == "Token":
            return self.call(self.token.token_obtain_with_http_info, AuthTokenRequest(**login))
        return self.call(self.jwt.jwt_obtain_with_http_info, ObtainPairRequest(**login))

    def who_am_i(self):
        return self.call(self.service.whoami_retrieve_with_http_info)

    def find(self, **filters):
        return self.call(self.tracks.tracks_list_with_http_info, **filters)

    def create(self, track):
        return self.call(self.tracks.tracks_create_with_http_info, TrackRequest(**track))

    def read(self, pk):
        return self.call(self.tracks.tracks_retrieve_with_http_info, pk)

    def change(self, pk, fields):
        return self.call(self.tracks.tracks_partial_update_with_http_info, pk, PatchedTrackRequest(**fields))

    def delete(self, pk):
        return self.call(self.tracks.tracks_destroy_with_http_info, pk)

    def refresh(self, refresh):
        if self.kind == "Token":
            return self.call(self.token.token_rotate_with_http_info)
        return self.call(self.jwt.jwt_refresh_with_http_info, RefreshRequest(refresh=refresh))

    def log_out(self):
        if self.kind == "Token":
            return self.call(self.token.token_revoke_with_http_info)
        return self.call(self.jwt.jwt_logout_with_http_info)


run(Calls)
