from rest_framework import negotiation


class ContentNegotiation(negotiation.DefaultContentNegotiation):
    """DRF's, which finds Accept without making an object of all headers: a tenth of what a small answer costs."""

    def get_accept_list(self, request):
        return super().get_accept_list(_Accept(request.META))


class _Accept:
    """As much of a request as DRF's method reads."""

    def __init__(self, meta: dict[str, str]):
        self.headers = {"accept": meta["HTTP_ACCEPT"]} if "HTTP_ACCEPT" in meta else {}
