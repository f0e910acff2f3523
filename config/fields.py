from rest_framework import serializers
from rest_framework.utils.html import is_html_input


class FlagField(serializers.BooleanField):
    """In JSON true or false. In a form, where everything is text, DRF's spellings of them.

    DRF would take the numbers 1 and 0 and twelve texts in JSON, too.
    """

    def to_internal_value(self, data):
        if not is_html_input(self.parent.initial_data) and not isinstance(data, bool):
            self.fail("invalid", input=data)
        return super().to_internal_value(data)
