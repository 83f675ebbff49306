"""As whom and where one works: chosen after sign-in by whoever has several roles, and changed here."""

from django.http import Http404, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from healthhub.web.context import role_name
from records.memberships import choose
from records.views.guards import ActingRequest, for_signed_in


@for_signed_in
def roles(request: ActingRequest) -> HttpResponse:
    """The roles in force, each with a button.

    Choosing changes the token of all forms: one that was opened before, in another window, is for another facility.
    """
    then = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(then, allowed_hosts=None):
        then = ""
    if request.method == "POST":
        held = next((one for one in request.held if str(one.id) == request.POST.get("membership")), None)
        if held is None:
            raise Http404
        choose(request, held)
        rotate_token(request)
        return redirect(then or "home")
    choices = [
        {"id": one.id, "role": role_name(one.actor.role), "place": one.place, "now": one.actor == request.actor}
        for one in request.held
    ]
    return render(request, "records/roles.html", {"choices": choices, "next": then})
