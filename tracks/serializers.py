from rest_framework import serializers

from auth_core.bodies import TextField, WholeNumberField
from tracks.models import MAX_DURATION_MS, Album, Artist, Genre, Track


class GenreField(serializers.SlugRelatedField):
    """A genre by its name. The error for an unknown one lists the genres, which staff keep."""

    default_error_messages = {"unknown": 'There is no genre "{value}". Choose one of: {choices}.'}
    name = TextField(max_length=Genre._meta.get_field("name").max_length)

    def __init__(self, **kwargs):
        super().__init__(slug_field="name", queryset=Genre.objects.order_by("name"), **kwargs)

    def to_internal_value(self, data):
        name = self.name.run_validation(data)  # before the query, because PostgreSQL refuses NUL
        genres = self.get_queryset()
        genre = genres.filter(name=name).first()
        if genre is None:
            self.fail("unknown", value=name, choices=", ".join(genres.values_list("name", flat=True)))
        return genre


class TrackSerializer(serializers.ModelSerializer):
    """A track, with its album, artist and genre as plain names.

    An unknown album or artist is created with the track. Names are compared exactly, without white
    space at both ends. The genre must exist. An album is one title by one artist, shared by its
    tracks, so changing `album` or `artist` moves this track and renames nothing. `album` alone
    moves it to the album of that title by the same artist; `artist` alone moves it to the album of
    the same title by that artist.
    """

    title = TextField(max_length=Track._meta.get_field("title").max_length)
    album = TextField(
        source="album.title",
        max_length=Album._meta.get_field("title").max_length,
        help_text="Title of the album; created when this artist has no album of that title.",
    )
    artist = TextField(
        source="album.artist.name",
        max_length=Artist._meta.get_field("name").max_length,
        help_text="Name of the album's artist; created when unknown.",
    )
    genre = GenreField(help_text="Name of an existing genre.")
    # The default lets a PUT without it empty it. PATCH ignores defaults.
    composer = TextField(
        max_length=Track._meta.get_field("composer").max_length,
        allow_blank=True,
        default="",
        help_text="As printed; may be empty.",
    )
    # Both bounds are explicit, because the column's own differ between databases.
    duration_ms = WholeNumberField(min_value=1, max_value=MAX_DURATION_MS, help_text="Playing time in milliseconds.")
    owner = serializers.SlugRelatedField(
        slug_field="username",
        read_only=True,
        allow_null=True,
        help_text="Name of the user who created the track; null for a catalogue track.",
    )

    class Meta:
        model = Track
        fields = (
            "id",
            "title",
            "album",
            "artist",
            "genre",
            "composer",
            "duration_ms",
            "owner",
            "created",
            "updated",
        )
        # The renderer writes the same text for a datetime in UTC, faster.
        extra_kwargs = {"created": {"format": None}, "updated": {"format": None}}

    def create(self, validated_data):
        return Track.objects.create(**self._columns(validated_data))

    def update(self, instance, validated_data):
        for name, value in self._columns(validated_data, instance).items():
            setattr(instance, name, value)
        instance.save()
        return instance

    def _columns(self, validated_data, instance=None):
        """Return the validated data with an Album in place of the names of album and artist."""
        columns = dict(validated_data)
        names = columns.pop("album", None)
        if names is not None:
            if instance is not None:
                album = instance.album
                names = {"title": album.title, "artist": {"name": album.artist.name}} | names
            artist, _ = Artist.objects.get_or_create(name=names["artist"]["name"])
            columns["album"], _ = Album.objects.get_or_create(title=names["title"], artist=artist)
            columns["album"].artist = artist  # saves the response a query
        return columns


def column_of(field: serializers.Field) -> str:
    """Return the column that `field` shows unchanged, as values() spells it."""
    path = field.source_attrs
    if isinstance(field, serializers.SlugRelatedField):
        path = [*path, field.slug_field]
    elif not isinstance(field, serializers.CharField | serializers.IntegerField | serializers.DateTimeField):
        raise TypeError(f"{field.field_name}: {type(field).__name__} is not known to show a column as it is")
    return "__".join(path)


# The column of each field, in order. A list is made of these, because 25 model instances and a
# serializer's ten fields for each would take longer than the rest of the request.
COLUMNS = {name: column_of(field) for name, field in TrackSerializer().fields.items()}
