"""The form of a flag, and the question for a reason."""

from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from flags.models import Flag

REASON = {"required": False, "max_length": 200, "widget": UnfoldAdminTextInputWidget}


class FlagForm(forms.ModelForm[Flag]):
    """Saved through the services; `reason` goes into the history."""

    reason = forms.CharField(help_text="Goes into the history; demanded for protected flags", **REASON)

    class Meta:
        model = Flag
        fields = ["key", "description", "owner", "tags", "kind", "enabled", "protected", "client_visible"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3}), "tags": UnfoldAdminTextInputWidget}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        changed = set(self.changed_data) - {"reason"}
        if self.instance.pk and self.instance.protected and changed and not data.get("reason"):
            self.add_error("reason", "This flag is protected: say why it is changed.")
        if self.instance.archived_at and data.get("enabled"):
            self.add_error("enabled", "An archived flag stays off: restore it first.")
        return data


class ToggleForm(forms.Form):
    """What a switch of the list sends."""

    enabled = forms.ChoiceField(choices=[("true", "on"), ("false", "off")])
    reason = forms.CharField(**REASON)


class ReasonForm(BaseDialogForm):
    reason = forms.CharField(help_text="Demanded for protected flags", **REASON)
