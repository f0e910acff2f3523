from rest_framework import serializers


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(read_only=True, help_text="40 hexadecimal digits.")


class RevokeSerializer(serializers.Serializer):
    everywhere = serializers.BooleanField(
        default=False, help_text="End every token and every login of this user, of either kind."
    )
