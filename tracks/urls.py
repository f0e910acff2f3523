from rest_framework.routers import SimpleRouter

from tracks.views import TrackViewSet

router = SimpleRouter()
router.register("tracks", TrackViewSet, basename="track")

urlpatterns = router.urls
