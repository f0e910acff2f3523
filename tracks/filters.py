"""Filters, search and order of the list of tracks. Unknown parameters are refused by name."""

from django.db.models import Q
from django_filters import rest_framework as filters
from django_filters.constants import EMPTY_VALUES
from django_filters.utils import translate_validation
from rest_framework import exceptions
from rest_framework.filters import search_smart_split
from rest_framework.settings import api_settings

from tracks.fields import ListField, NamesField, SinceField, UntilField, WholeNumberField
from tracks.lookups import contains
from tracks.models import MAX_DURATION_MS, Album, Artist, Genre, Track
from tracks.pagination import TrackPagination
from tracks.permissions import user_pk

# Parameters that the filter set accepts and others read.
PAGINATION = (TrackPagination.page_query_param, TrackPagination.page_size_query_param)
FORMAT = api_settings.URL_FORMAT_OVERRIDE

# Each word is searched in several columns of every row, so a search must stay short.
MAX_SEARCH_CHARACTERS = 200
MAX_SEARCH_WORDS = 8
MAX_LIST = 50

TITLE_LENGTH = Track._meta.get_field("title").max_length
ALBUM_LENGTH = Album._meta.get_field("title").max_length
ARTIST_LENGTH = Artist._meta.get_field("name").max_length
GENRE_LENGTH = Genre._meta.get_field("name").max_length

MOMENT = "A date-time or a date, as in RFC 3339; in UTC unless it has an offset."


class WholeNumberFilter(filters.NumberFilter):
    field_class = WholeNumberField


class SinceFilter(filters.IsoDateTimeFilter):
    field_class = SinceField


class UntilFilter(filters.IsoDateTimeFilter):
    field_class = UntilField


class NamesFilter(filters.BaseInFilter, filters.CharFilter):
    """A filter that matches any of several names, as NamesField reads them."""

    base_field_class = NamesField

    def __init__(self, *args, **kwargs):
        # NamesField strips what is not in quotation marks, and the rest must stay as it is.
        super().__init__(*args, strip=False, **kwargs)

    @property
    def schema(self) -> dict:
        """Return the JSON Schema of the repeated parameter, with one name in each text."""
        most = self.extra["max_length"]
        quoted, plain = rf'"([^"\u0000]|""){{0,{most}}}"', rf'[^\s",\u0000][^,\u0000]{{0,{most - 1}}}'
        items = {"type": "string", "pattern": rf"^\s*({quoted}|{plain})?\s*$"}
        return {"type": "array", "items": items, "maxItems": MAX_LIST}


class TrackOrdering(filters.OrderingFilter):
    """An order by given fields and then by id, so that pages neither repeat nor skip a track.

    The id takes the direction of the field before it. Descending order is then exactly ascending
    order read backwards, and one index serves both.
    """

    base_field_class = ListField

    def filter(self, qs, value):
        columns = {}
        for term in value:
            column = self.get_ordering_value(term)
            columns.setdefault(column.removeprefix("-"), column)  # the first mention of a field decides
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
    """The filters of the list. Those with `icontains` ignore case; the others compare exactly.

    Album, artist and genre are looked up in subqueries on their own small tables. A join would do
    that once for every track, count included, and prevent an index on (genre, ...) from giving the
    order.
    """

    title = filters.CharFilter(max_length=TITLE_LENGTH, label="Title", help_text="Exactly this title.")
    title__icontains = filters.CharFilter(
        max_length=TITLE_LENGTH, method="by_title_part", label="Title contains", help_text="Part of the title."
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
        """Make the filters named in `only`, or all of them."""
        if only is not None:
            self.base_filters = {name: each for name, each in self.base_filters.items() if name in only}
        super().__init__(*args, **kwargs)

    def is_valid(self):
        """Refuse unknown and repeated parameters: a mistyped filter would return every track."""
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

    def by_title_part(self, queryset, name, value):
        return queryset.filter(contains("title", value))

    def by_album(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(title=value))

    def by_album_part(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(contains("title", value)))

    def by_artist(self, queryset, name, value):
        return queryset.filter(album__in=Album.objects.filter(artist__name=value))

    def by_artist_part(self, queryset, name, value):
        return queryset.filter(
            album__in=Album.objects.filter(artist__in=Artist.objects.filter(contains("name", value)))
        )

    def by_genre(self, queryset, name, value):
        # `=` lets the rest of the index give the order; `IN` does not.
        return queryset.filter(genre=Genre.objects.filter(name=value).values("pk")[:1])

    def by_genre_part(self, queryset, name, value):
        return queryset.filter(genre__in=Genre.objects.filter(name__icontains=value))

    def by_genres(self, queryset, name, value):
        if len(value) > MAX_LIST:
            raise exceptions.ValidationError({"genre__in": [f"At most {MAX_LIST} genres."]})
        return queryset.filter(genre__in=Genre.objects.filter(name__in=value))

    def mine(self, queryset, name, value: str):
        if not self.request.user.is_authenticated:
            raise exceptions.NotAuthenticated("“owner=me” needs a credential that says who you are.")
        pk = user_pk(self.request.user)
        # Not filter(owner=None), which would be the whole catalogue.
        return queryset.none() if pk is None else queryset.filter(owner=pk)

    def by_words(self, queryset, name, value):
        words = [word for word in search_smart_split(value) if word not in EMPTY_VALUES]
        if len(words) > MAX_SEARCH_WORDS:
            raise exceptions.ValidationError({"search": [f"At most {MAX_SEARCH_WORDS} words."]})
        for word in words:
            artists = Artist.objects.filter(contains("name", word))
            albums = Album.objects.filter(contains("title", word) | Q(artist__any_of=artists))
            queryset = queryset.filter(contains("title", word) | contains("composer", word) | Q(album__any_of=albums))
        return queryset


class TrackFilterBackend(filters.DjangoFilterBackend):
    """A backend that makes only the filters that a request names.

    Copying every filter and its form field took a quarter of a request's time, and a filter without
    its parameter changes nothing. The browsable API's form shows them all.
    """

    def filter_queryset(self, request, queryset, view):
        filterset = TrackFilter(request.query_params, queryset, request=request, only=request.query_params)
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        return filterset.qs
