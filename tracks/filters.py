"""What may be asked of the list of tracks. Whatever is not named here is refused, by name."""

from django.db.models import Q
from django_filters import rest_framework as filters
from django_filters.constants import EMPTY_VALUES
from django_filters.utils import translate_validation
from rest_framework import exceptions
from rest_framework.filters import search_smart_split
from rest_framework.settings import api_settings

from tracks.fields import ListField, NamesField, SinceField, UntilField, WholeNumberField
from tracks.models import MAX_DURATION_MS, Album, Artist, Genre, Track
from tracks.pagination import TrackPagination
from tracks.permissions import user_pk

# Parameters that are read elsewhere than in the filter set.
PAGINATION = (TrackPagination.page_query_param, TrackPagination.page_size_query_param)
FORMAT = api_settings.URL_FORMAT_OVERRIDE

# Each word is looked for in three columns of every row: a sentence is no search.
MAX_SEARCH_CHARACTERS = 200
MAX_SEARCH_WORDS = 8
MAX_LIST = 50

TITLE_LENGTH = Track._meta.get_field("title").max_length
ALBUM_LENGTH = Album._meta.get_field("title").max_length
ARTIST_LENGTH = Artist._meta.get_field("name").max_length
GENRE_LENGTH = Genre._meta.get_field("name").max_length

MOMENT = "A moment or a date, by RFC 3339; in UTC unless it names its offset."


class WholeNumberFilter(filters.NumberFilter):
    field_class = WholeNumberField


class SinceFilter(filters.IsoDateTimeFilter):
    field_class = SinceField


class UntilFilter(filters.IsoDateTimeFilter):
    field_class = UntilField


class NamesFilter(filters.BaseInFilter, filters.CharFilter):
    """Any of several names, as NamesField reads them."""

    base_field_class = NamesField

    def __init__(self, *args, **kwargs):
        # NamesField has stripped what is not in quotation marks.
        super().__init__(*args, strip=False, **kwargs)

    @property
    def schema(self) -> dict:
        """Return the JSON Schema of the repeated parameter, each of whose texts holds one name."""
        most = self.extra["max_length"]
        quoted, plain = rf'"([^"\u0000]|""){{0,{most}}}"', rf'[^\s",\u0000][^,\u0000]{{0,{most - 1}}}'
        items = {"type": "string", "pattern": rf"^\s*({quoted}|{plain})?\s*$"}
        return {"type": "array", "items": items, "maxItems": MAX_LIST}


class TrackOrdering(filters.OrderingFilter):
    """Any of its fields, and always the id last, so that pages neither repeat nor skip a track.

    The tie-breaker takes the direction of the field before it: the descending order is then exactly the
    ascending one read backwards, and one index serves both.
    """

    base_field_class = ListField

    def filter(self, qs, value):
        columns = {}
        for term in value:
            column = self.get_ordering_value(term)
            columns.setdefault(column.removeprefix("-"), column)  # a second mention changes nothing
        if "id" not in columns:
            last = next(reversed(columns.values()), "")
            columns["id"] = "-id" if last.startswith("-") else "id"
        return qs.order_by(*columns.values())


ORDERING = {
    "id": "id",
    "title": "title",
    "album__title": "album",
    "album__artist__name": "artist",
    "genre__name": "genre",
    "duration_ms": "duration_ms",
    "created": "created",
}


def is_list(a_filter: filters.Filter | None) -> bool:
    """Return True for a filter whose parameter may be repeated."""
    return isinstance(a_filter, filters.BaseCSVFilter)


class TrackFilter(filters.FilterSet):
    """Exact filters compare letter by letter; those with `icontains` ignore case.

    Album, artist and genre are looked up in their own small tables, inside the same statement. A join would
    do that once for every track, count included, and keep an index on (genre, ...) from giving the order.
    """

    title = filters.CharFilter(max_length=TITLE_LENGTH, label="Title", help_text="Exactly this title.")
    title__icontains = filters.CharFilter(
        "title", "icontains", max_length=TITLE_LENGTH, label="Title contains", help_text="Part of the title."
    )
    album = filters.CharFilter(
        max_length=ALBUM_LENGTH, method="by_album", label="Album", help_text="Exactly this album title."
    )
    album__icontains = filters.CharFilter(
        max_length=ALBUM_LENGTH,
        method="by_album_part",
        label="Album contains",
        help_text="Part of the album's title.",
    )
    artist = filters.CharFilter(
        max_length=ARTIST_LENGTH, method="by_artist", label="Artist", help_text="Exactly this artist."
    )
    artist__icontains = filters.CharFilter(
        max_length=ARTIST_LENGTH,
        method="by_artist_part",
        label="Artist contains",
        help_text="Part of the artist's name.",
    )
    genre = filters.CharFilter(
        max_length=GENRE_LENGTH, method="by_genre", label="Genre", help_text="Exactly this genre."
    )
    genre__icontains = filters.CharFilter(
        max_length=GENRE_LENGTH,
        method="by_genre_part",
        label="Genre contains",
        help_text="Part of the genre's name.",
    )
    genre__in = NamesFilter(
        max_length=GENRE_LENGTH,
        method="by_genres",
        label="Genre is one of",
        help_text=f"Up to {MAX_LIST} genres. {NamesField.HOW}",
    )
    duration_ms__gte = WholeNumberFilter(
        "duration_ms",
        "gte",
        min_value=0,
        max_value=MAX_DURATION_MS,
        label="Duration at least",
        help_text="At least this many milliseconds.",
    )
    duration_ms__lte = WholeNumberFilter(
        "duration_ms",
        "lte",
        min_value=0,
        max_value=MAX_DURATION_MS,
        label="Duration at most",
        help_text="At most this many milliseconds.",
    )
    owner = filters.ChoiceFilter(
        choices=[("me", "me")],
        method="mine",
        label="Owner",
        help_text="Only the tracks you created.",
        error_messages={"invalid_choice": "Only “me” is allowed here: the tracks you created."},
    )
    created__gte = SinceFilter(
        "created",
        "gte",
        label="Created since",
        help_text=f"{MOMENT} A date stands for its beginning.",
    )
    created__lte = UntilFilter(
        "created",
        "lte",
        label="Created until",
        help_text=f"{MOMENT} A date stands for its end, so that all of that day is found.",
    )
    search = filters.CharFilter(
        max_length=MAX_SEARCH_CHARACTERS,
        method="by_words",
        label="Search",
        help_text=(
            "Words that must all occur in title, composer, album or artist, ignoring case; "
            f"“quoted words” stay together. At most {MAX_SEARCH_WORDS} words."
        ),
    )
    ordering = TrackOrdering(
        fields=ORDERING,
        help_text=(
            "Fields separated by commas, or the parameter repeated; “-” before a field for descending. "
            "By id when not given."
        ),
        error_messages={
            "invalid_choice": "%(value)s is no field to order by. Allowed, with or without “-” before it: "
            + ", ".join(ORDERING.values())
            + "."
        },
    )

    class Meta:
        model = Track
        fields = ()

    def __init__(self, *args, only=None, **kwargs):
        """`only`: names of the filters to make; all when not given."""
        if only is not None:
            self.base_filters = {name: each for name, each in self.base_filters.items() if name in only}
        super().__init__(*args, **kwargs)

    def is_valid(self):
        """A mistyped filter would otherwise answer with everything, and look like an answer."""
        all_filters = type(self).base_filters
        known = (*all_filters, *PAGINATION, FORMAT)
        wrong = {}
        for name in self.data:
            if name not in known:
                wrong[name] = [f"Unknown parameter. Allowed: {', '.join(known)}."]
            elif len(self.data.getlist(name)) > 1 and not is_list(all_filters.get(name)):
                lists = (each for each in all_filters if is_list(all_filters[each]))
                wrong[name] = [f"Given more than once. Only lists may be repeated: {', '.join(lists)}."]
        if wrong:
            raise exceptions.ValidationError(wrong)
        return super().is_valid()

    def by_album(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(title=value))

    def by_album_part(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(title__icontains=value))

    def by_artist(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(artist__name=value))

    def by_artist_part(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(artist__name__icontains=value))

    def by_genre(self, queryset, name, value):
        # `=` and not `IN`, so that the rest of the index gives the order.
        return queryset.filter(genre=Genre.objects.filter(name=value).values("pk")[:1])

    def by_genre_part(self, queryset, name, value):
        return queryset.filter(genre__in=Genre.objects.filter(name__icontains=value))

    def by_genres(self, queryset, name, value):
        if len(value) > MAX_LIST:
            raise exceptions.ValidationError({"genre__in": [f"At most {MAX_LIST} genres."]})
        return queryset.filter(genre__in=Genre.objects.filter(name__in=value))

    def mine(self, queryset, name, value: str):
        if not self.request.user.is_authenticated:
            raise exceptions.NotAuthenticated("“owner=me” needs to know who you are.")
        pk = user_pk(self.request.user)
        # Not filter(owner=None), which would be the whole catalogue.
        return queryset.none() if pk is None else queryset.filter(owner=pk)

    def by_words(self, queryset, name, value):
        words = [word for word in search_smart_split(value) if word not in EMPTY_VALUES]
        if len(words) > MAX_SEARCH_WORDS:
            raise exceptions.ValidationError({"search": [f"At most {MAX_SEARCH_WORDS} words."]})
        for word in words:
            albums = Album.objects.filter(Q(title__icontains=word) | Q(artist__name__icontains=word))
            queryset = queryset.filter(Q(title__icontains=word) | Q(composer__icontains=word) | Q(album__in=albums))
        return queryset


class TrackFilterBackend(filters.DjangoFilterBackend):
    """Makes only the filters that a request names; the form for people has them all.

    A filter without its parameter changes nothing, and to copy every filter and its form field for each request
    took a quarter of its time.
    """

    def filter_queryset(self, request, queryset, view):
        filterset = TrackFilter(request.query_params, queryset, request=request, only=request.query_params)
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        return filterset.qs
