"""Run the flow with the client that openapi-python-client makes."""

from flow import Answer, run
from tracks_client import AuthenticatedClient, Client
from tracks_client.api.jwt import jwt_logout, jwt_obtain, jwt_refresh
from tracks_client.api.service import whoami_retrieve
from tracks_client.api.token import token_obtain, token_revoke, token_rotate
from tracks_client.api.tracks import (
    tracks_create,
    tracks_destroy,
    tracks_list,
    tracks_partial_update,
    tracks_retrieve,
)
from tracks_client.models import (
    AuthTokenRequest,
    ObtainPairRequest,
    PatchedTrackRequest,
    RefreshRequest,
    TrackRequest,
    TracksListOrderingItem,
    TracksListOwner,
)


class Calls:
    def __init__(self, base: str, kind: str, credential: str = ""):
        self.kind = kind
        if credential:
            client = AuthenticatedClient(base_url=base, token=credential, prefix=kind)
        else:
            client = Client(base_url=base)
        self.client = client.with_timeout(30)

    def call(self, endpoint, *arguments, **options) -> Answer:
        answer = endpoint.sync_detailed(*arguments, client=self.client, **options)
        body = answer.parsed.to_dict() if answer.parsed is not None else {}
        return Answer(int(answer.status_code), body, dict(answer.headers))

    def log_in(self, username, password):
        if self.kind == "Token":
            return self.call(token_obtain, body=AuthTokenRequest(username, password))
        return self.call(jwt_obtain, body=ObtainPairRequest(username, password))

    def who_am_i(self):
        return self.call(whoami_retrieve)

    def find(self, **filters):
        if "ordering" in filters:
            filters["ordering"] = [TracksListOrderingItem(each) for each in filters["ordering"]]
        if "owner" in filters:
            filters["owner"] = TracksListOwner(filters["owner"])
        return self.call(tracks_list, **{name.replace("__", "_"): value for name, value in filters.items()})

    def create(self, track):
        return self.call(tracks_create, body=TrackRequest(**track))

    def read(self, pk):
        return self.call(tracks_retrieve, pk)

    def change(self, pk, fields):
        return self.call(tracks_partial_update, pk, body=PatchedTrackRequest(**fields))

    def delete(self, pk):
        return self.call(tracks_destroy, pk)

    def refresh(self, refresh):
        if self.kind == "Token":
            return self.call(token_rotate)
        return self.call(jwt_refresh, body=RefreshRequest(refresh))

    def log_out(self):
        return self.call(token_revoke if self.kind == "Token" else jwt_logout)


run(Calls)
