"""The generators: their versions, their commands, and the drivers of their clients."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The steps of drivers/flow.py, in their order. The drivers in TypeScript have the same ones.
STEPS = tuple(re.findall(r"^    Flow\.(\w+),$", (HERE / "drivers/flow.py").read_text("utf-8"), re.M))

OLDEST_NODE = (20, 19)  # of @hey-api/openapi-ts


@dataclass(frozen=True, slots=True)
class Tool:
    """A generator.

    `generate` runs in a folder that holds schema.json, and writes the folder client/ there.
    `package` is the package that is locked.
    """

    name: str
    package: str
    generate: str
    driver: str

    @property
    def folder(self) -> str:
        return self.driver.partition(".")[0]

    @property
    def needs_node(self) -> bool:
        return self.driver.endswith(".ts")

    @property
    def version(self) -> str:
        """Return the locked version, a Python package's or an npm package's."""
        wanted = json.loads((HERE / "package.json").read_text("utf-8"))["devDependencies"]
        if self.package in wanted:
            return wanted[self.package]
        locked = re.search(rf"^{re.escape(self.package)}==(\S+)", (HERE / "requirements.txt").read_text("utf-8"), re.M)
        if locked is None:
            raise LookupError(f"{self.package!r} is neither in package.json nor in requirements.txt")
        return locked[1]


TOOLS = (
    Tool(
        "openapi-python-client",
        "openapi-python-client",
        "openapi-python-client generate --path schema.json --output-path client --fail-on-warning",
        "with_openapi_python_client.py",
    ),
    Tool(
        "openapi-generator, python",
        "openapi-generator-cli",
        "openapi-generator-cli generate -g python -i schema.json -o client --package-name tracks_client",
        "with_openapi_generator.py",
    ),
    Tool(
        "openapi-generator, typescript-fetch",
        "openapi-generator-cli",
        "openapi-generator-cli generate -g typescript-fetch -i schema.json -o client -p importFileExtension=.js",
        "with_typescript_fetch.ts",
    ),
    Tool(
        "openapi-typescript with openapi-fetch",
        "openapi-typescript",
        "openapi-typescript schema.json -o client/schema.d.ts",
        "with_openapi_fetch.ts",
    ),
    Tool(
        "@hey-api/openapi-ts",
        "@hey-api/openapi-ts",
        "openapi-ts -i schema.json -o client",
        "with_hey_api.ts",
    ),
)


def node_version(printed: str) -> tuple[int, ...]:
    """Return the version that `node --version` printed, or (0,) if it printed none."""
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", printed)
    return tuple(map(int, found.groups())) if found else (0,)
