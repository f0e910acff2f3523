"""auth_core/conf.py: the settings of the folders that can be copied, and their defaults."""

import re

import pytest
from django.conf import settings as django_settings

from auth_core.conf import Conf, conf, derived_signing_key
from config.switches import read
from tests.support import servers

NAMES = [name for name in vars(Conf) if name.isupper()]
# Django's own and SimpleJWT's settings; the rest has a default in auth_core/conf.py.
ELSEWHERE = {"AUTH_USER_MODEL", "CACHES", "SECRET_KEY", "SESSION_COOKIE_SECURE", "SESSION_ENGINE", "SIMPLE_JWT"}
ELSEWHERE |= {"DATABASES", "MIDDLEWARE", "TIME_ZONE", "USE_TZ"}  # auth_core/checks.py looks at these


@pytest.fixture
def host(settings):
    """Run in a project that sets none of our settings."""
    for name in NAMES:
        if hasattr(django_settings, name):
            delattr(settings, name)
    conf.__dict__.clear()  # pytest-django sends no signal for what is deleted
    yield
    conf.__dict__.clear()


def test_each_default_is_that_of_the_switch(host):
    defaults = {name: value for name, value in read({}).items() if name in NAMES}
    assert len(defaults) == len(NAMES)
    defaults["JWT_SIGNING_KEY"] = derived_signing_key(django_settings.SECRET_KEY)
    # A project that copies the folders asks for it: DRF's table holds each key in clear text.
    defaults["TOKEN_AUTO_CREATE"] = False
    assert {name: getattr(conf, name) for name in NAMES} == defaults


def test_a_setting_that_is_overridden_counts_at_once(settings):
    assert conf.TOKENS_PER_USER == 50
    settings.TOKENS_PER_USER = 3
    assert conf.TOKENS_PER_USER == 3


def test_an_unknown_name_is_refused(settings):
    settings.TOKEN_LIFETMIE = None
    with pytest.raises(AttributeError, match="TOKEN_LIFETMIE"):
        _ = conf.TOKEN_LIFETMIE


@pytest.mark.parametrize("folder", ["auth_core", "tokens", "jwt_auth"])
def test_no_other_setting_is_read(folder):
    read = {
        name
        for path in (servers.ROOT / folder).rglob("*.py")
        if path.name != "conf.py"
        for name in re.findall(r"(?<!\.)\bsettings\.([A-Z_]+)\b", path.read_text())
    }
    assert read <= ELSEWHERE
