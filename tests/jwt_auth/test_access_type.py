"""Access tokens as RFC 9068 profiles them (JWT_ACCESS_TYPE=at+jwt), and tokens of both types."""

import jwt as pyjwt
import pytest
from django.core.checks import run_checks

from tests.support.keys import a_key, forge, sign
from tests.support.logins import claims, refresh, verify, whoami

ISSUER, AUDIENCE = "https://tracks.example", "tracks"
AT_JWT = {"JWT_ACCESS_TYPE": "at+jwt", "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


@pytest.fixture
def at_jwt(settings):
    for name, value in AT_JWT.items():
        setattr(settings, name, value)


def typ(token: str) -> str:
    return pyjwt.get_unverified_header(token)["typ"]


def test_an_access_token_says_at_jwt_and_whose_it_is_and_a_refresh_token_neither(api, at_jwt, user, obtain_pair):
    pair = obtain_pair()
    for each in (pair, refresh(api, pair).json()):
        assert (typ(each["access"]), typ(each["refresh"])) == ("at+jwt", "refresh+jwt")
        assert claims(each["access"])["sub"] == claims(each["access"])["user_id"] == str(user.pk)
        assert "sub" not in claims(each["refresh"])
        assert whoami(api, each["access"]).status_code == 200


def test_by_default_an_access_token_is_typed_as_simplejwt_types_it(obtain_pair):
    pair = obtain_pair()
    assert [typ(pair[kind]) for kind in ("access", "refresh")] == ["JWT", "refresh+jwt"]
    assert "sub" not in claims(pair["access"])


def test_a_header_holds_registered_names_only(at_jwt, obtain_pair):
    """Some libraries refuse a token with a name that they do not know."""
    pair = obtain_pair()
    for kind in ("access", "refresh"):
        assert set(pyjwt.get_unverified_header(pair[kind])) == {"alg", "kid", "typ"}


@pytest.mark.parametrize(("before", "after"), [("JWT", "at+jwt"), ("at+jwt", "JWT")])
def test_a_change_of_the_type_ends_no_login(api, at_jwt, settings, obtain_pair, before, after):
    settings.JWT_ACCESS_TYPE = before
    pair = obtain_pair()
    settings.JWT_ACCESS_TYPE = after
    assert whoami(api, pair["access"]).status_code == 200
    assert verify(api, pair["access"]).json() == {"token_type": "access"}
    child = refresh(api, pair).json()
    assert typ(child["access"]) == after
    assert whoami(api, child["access"]).status_code == 200


@pytest.mark.parametrize("switch", ["JWT", "at+jwt"])
@pytest.mark.parametrize("header", ["JWT", "at+jwt", "application/at+jwt", "refresh+jwt", None])
def test_no_type_in_a_header_makes_one_kind_of_token_the_other(api, at_jwt, settings, obtain_pair, switch, header):
    settings.JWT_ACCESS_TYPE = switch
    pair = obtain_pair()
    kid = pyjwt.get_unverified_header(pair["access"])["kid"]
    retyped = {kind: sign(claims(pair[kind]), {"kid": kid, "typ": header}) for kind in ("access", "refresh")}
    assert whoami(api, retyped["refresh"]).status_code == 401
    assert refresh(api, {"refresh": retyped["access"]}).status_code == 401
    assert whoami(api, retyped["access"]).status_code == 200
    assert refresh(api, {"refresh": retyped["refresh"]}).status_code == 200


@pytest.mark.parametrize("sub", ["", "0", "nobody", 1, None, [], True], ids=ascii)
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_subject_that_is_not_the_user_is_refused(api, at_jwt, obtain_pair, kind, sub):
    token = forge(obtain_pair()[kind], sub=sub)
    assert whoami(api, token).status_code == 401
    assert refresh(api, {"refresh": token}).status_code == 401


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_consumer_that_follows_rfc_9068_accepts_access_tokens_only(api, at_jwt, settings, obtain_pair, algorithm):
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY = algorithm, a_key(algorithm)
    pair = obtain_pair()
    keys = {key["kid"]: pyjwt.PyJWK(key) for key in api.get("/.well-known/jwks.json").json()["keys"]}

    def subject_of(token: str) -> str:
        """Validate as RFC 9068 4 says, except for client_id, which no token of ours has."""
        header = pyjwt.get_unverified_header(token)
        if header["typ"].lower() not in ("at+jwt", "application/at+jwt"):
            raise pyjwt.InvalidTokenError("typ")
        required = ["iss", "exp", "aud", "sub", "iat", "jti"]
        options = {"require": required}
        key = keys[header["kid"]]
        return pyjwt.decode(token, key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, options=options)[
            "sub"
        ]

    assert subject_of(pair["access"]) == claims(pair["access"])["user_id"]
    with pytest.raises(pyjwt.InvalidTokenError, match="typ"):
        subject_of(pair["refresh"])


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE, "https://tracks.example/api"], (AUDIENCE,)])
def test_a_consumer_that_checks_the_audience_alone_refuses_a_refresh_token(api, settings, obtain_pair, audience):
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY = "ES256", a_key("ES256")
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = ISSUER, audience
    pair = obtain_pair()
    (key,) = api.get("/.well-known/jwks.json").json()["keys"]
    for each in [audience] if isinstance(audience, str) else audience:
        options = {"key": pyjwt.PyJWK(key), "algorithms": ["ES256"], "issuer": ISSUER, "audience": each}
        assert pyjwt.decode(pair["access"], **options)["token_type"] == "access"
        with pytest.raises(pyjwt.InvalidAudienceError):
            pyjwt.decode(pair["refresh"], **options)
    child = refresh(api, pair)
    assert child.status_code == 200
    assert verify(api, child.json()["refresh"]).json() == {"token_type": "refresh"}
    assert api.post("/api/token/logout/", {"refresh": child.json()["refresh"]}).status_code == 204


@pytest.mark.parametrize(
    ("kind", "audience", "status"),
    [
        ("access", AUDIENCE, 200),
        ("access", [AUDIENCE, "others"], 200),
        ("access", f"{AUDIENCE}#refresh", 401),
        ("access", [f"{AUDIENCE}#refresh", "others"], 401),
        ("access", "others", 401),
        ("access", ..., 401),
        ("refresh", f"{AUDIENCE}#refresh", 200),
        ("refresh", AUDIENCE, 200),  # as SimpleJWT writes it, and an earlier version of this service did
        ("refresh", "others#refresh", 401),
        ("refresh", "#refresh", 401),
        ("refresh", ..., 401),
    ],
)
def test_each_kind_of_token_has_an_audience_of_its_own(api, at_jwt, obtain_pair, kind, audience, status):
    token = forge(obtain_pair()[kind], aud=audience)
    assert verify(api, token).status_code == status
    answer = whoami(api, token) if kind == "access" else refresh(api, {"refresh": token})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "id", "message"),
    [
        ({"JWT_ACCESS_TYPE": "at+JWT"}, "jwt_auth.E011", "JWT_ACCESS_TYPE is 'at+JWT'."),
        ({"JWT_ACCESS_TYPE": None}, "jwt_auth.E011", "JWT_ACCESS_TYPE is None."),
        ({"JWT_ISSUER": None}, "jwt_auth.E012", "without JWT_ISSUER: RFC"),
        ({"JWT_AUDIENCE": None, "JWT_ISSUER": None}, "jwt_auth.E012", "without JWT_ISSUER and JWT_AUDIENCE: RFC"),
        ({}, None, ""),
    ],
)
def test_what_is_missing_is_told_at_start_up(at_jwt, settings, changes, id, message):
    for name, value in changes.items():
        setattr(settings, name, value)
    found = [each for each in run_checks() if each.id in ("jwt_auth.E011", "jwt_auth.E012")]
    assert [each.id for each in found] == [id] * bool(id)
    assert all(message in each.msg for each in found)
