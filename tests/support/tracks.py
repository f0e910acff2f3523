"""Bodies of requests that write a track."""

NEW = {
    "title": "Overture",
    "album": "2112",
    "artist": "Rush",
    "genre": "Rock",
    "composer": "Lee, Lifeson, Peart",
    "duration_ms": 273_000,
}
