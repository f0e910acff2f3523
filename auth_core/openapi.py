"""drf-spectacular's decorators, or decorators that change nothing where it is not installed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drf_spectacular.utils import (
        OpenApiResponse,
        extend_schema,
        extend_schema_field,
        extend_schema_view,
        inline_serializer,
    )
else:
    try:
        from drf_spectacular.utils import (
            OpenApiResponse,
            extend_schema,
            extend_schema_field,
            extend_schema_view,
            inline_serializer,
        )
    except ModuleNotFoundError:

        def _nothing(*arguments: Any, **options: Any) -> Any:
            """Return a decorator that returns what it decorates."""
            return lambda decorated: decorated

        OpenApiResponse = extend_schema = extend_schema_field = extend_schema_view = inline_serializer = _nothing

__all__ = ["OpenApiResponse", "extend_schema", "extend_schema_field", "extend_schema_view", "inline_serializer"]
