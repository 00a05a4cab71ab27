"""`{% load flags %}{% flag "checkout.new_flow" %}new{% else %}old{% endflag %}`, for whoever the page is for."""

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context

from flags.evaluation import is_enabled

register = template.Library()


class FlagNode(template.Node):
    """One of two contents."""

    child_nodelists = ("on", "off")

    def __init__(self, name: FilterExpression, on: NodeList, off: NodeList) -> None:
        self.name = name
        self.on = on
        self.off = off

    def render(self, context: Context) -> str:
        return (self.on if is_enabled(self.name.resolve(context)) else self.off).render(context)


@register.tag
def flag(parser: Parser, token: Token) -> FlagNode:
    """{% flag NAME %}…{% else %}…{% endflag %}; without {% else %} nothing is shown while the flag is off."""
    match token.split_contents():
        case [_, name]:
            expression = parser.compile_filter(name)
        case [tag, *_]:
            raise template.TemplateSyntaxError(f"{{% {tag} %}} takes the name of one flag")
    on, off = parser.parse(("else", "endflag")), NodeList()
    if parser.next_token().contents == "else":
        off = parser.parse(("endflag",))
        parser.delete_first_token()
    return FlagNode(expression, on, off)
