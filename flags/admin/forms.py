"""What the list's switches and its bar for many send."""

from django import forms
from unfold.forms import ActionForm


class ToggleForm(forms.Form):
    """What a switch sends."""

    enabled = forms.ChoiceField(choices=[("true", "on"), ("false", "off")])
    reason = forms.CharField(required=False, max_length=200)


class TurnOffForm(ActionForm):
    """The bar below the list while rows are selected."""

    reason = forms.CharField(
        label="",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "flag-bulk-reason", "placeholder": "Reason", "aria-label": "Reason"}),
    )
