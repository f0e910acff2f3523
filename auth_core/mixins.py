"""What type checkers take for the base of a mixin for views.

At run time it is `object`: DRF imports our parsers and renderers while it defines APIView.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rest_framework.generics import GenericAPIView
    from rest_framework.views import APIView

    View = APIView
    GenericView = GenericAPIView[Any]
else:
    View = GenericView = object
