"""The pages and searches of `GET /tracks/` that are timed."""

LIST = "/tracks/"

# The first is the control, too. Pages that a size does not have are left out there.
QUERIES = (
    "",
    "page=2",
    "page=21000",
    "page=40000",
    "page=42036",
    "page=last",
    "ordering=-duration_ms",
    "ordering=-duration_ms&page=21000",
    "ordering=-duration_ms&page=40000",
    "ordering=title&page=40000",
    "ordering=album",
    "ordering=artist&page=2",
    "genre=Rock&ordering=-created",
    "genre=Rock&page=5000",
    "duration_ms__gte=300000&ordering=created",
    "created__gte=2020-01-01&ordering=duration_ms",
    "title__icontains=love",
    "title__icontains=lo",
    "album__icontains=love",
    "artist__icontains=iron",
    "search=love",
    "search=love+rock",
    "search=iron+maiden",
    "search=lo",
    "search=xyzzyq",
    "search=%C3%81cido",
    "search=%22you+shook+me%22",
    "search=love&genre=Rock&ordering=-duration_ms",
)


def url(query: str) -> str:
    """Return the path and query of a request."""
    return f"{LIST}?{query}" if query else LIST
