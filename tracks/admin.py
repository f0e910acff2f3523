from django.contrib import admin

from tracks.models import Album, Artist, Genre, Track


class NamesAdmin(admin.ModelAdmin):
    """Rows that tracks or albums refer to, which may be deleted only when nothing refers to them.

    The permission is refused before Django's confirmation page, which would list every track that
    protects the row.
    """

    pointed_at_by: str

    def has_delete_permission(self, request, obj=None):
        if obj is None or getattr(obj, self.pointed_at_by).exists():
            return False
        return super().has_delete_permission(request, obj)


@admin.register(Artist)
class ArtistAdmin(NamesAdmin):
    pointed_at_by = "albums"
    ordering = ["name"]
    search_fields = ["name"]


@admin.register(Album)
class AlbumAdmin(NamesAdmin):
    pointed_at_by = "tracks"
    list_display = ["title", "artist"]
    list_select_related = ["artist"]
    ordering = ["title", "id"]
    search_fields = ["title", "artist__name"]
    autocomplete_fields = ["artist"]

    def get_queryset(self, request):
        # Autocomplete prints the artist of each album too, and ignores list_select_related.
        return super().get_queryset(request).select_related("artist")


@admin.register(Genre)
class GenreAdmin(NamesAdmin):
    pointed_at_by = "tracks"
    ordering = ["name"]
    search_fields = ["name"]


@admin.register(Track)
class TrackAdmin(admin.ModelAdmin):
    list_display = ["title", "album", "genre", "duration_ms", "owner", "created"]
    list_select_related = ["album__artist", "genre", "owner"]
    list_filter = ["genre", ("owner", admin.EmptyFieldListFilter)]
    ordering = ["id"]
    search_fields = ["title", "album__title", "album__artist__name"]
    autocomplete_fields = ["album", "genre"]
    raw_id_fields = ["owner"]
    readonly_fields = ["created", "updated"]
    show_full_result_count = False  # saves a second count, of a million rows
