"""Signing in and out. The shop vouches for who is signed in; the edge believes only the shop."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from control_plane.demo.sample import TRUTH
from control_plane.demo.storefront import caching

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
#: Tells pages that caches keep that somebody is signed in.
NAME_COOKIE = "shop_customer"
REGULAR_VISITS = 5


class Regular(msgspec.Struct, frozen=True):
    """A customer of the generated events whom one can sign in as."""

    taste: str
    user_id: str | None
    personalization: bool
    visits: int
    country: str


class _Truth(msgspec.Struct, frozen=True):
    visitors: list[Regular]


def pages(shop_folder: Path) -> Blueprint:
    """Return the pages about oneself; the sign-in page offers regulars of each taste."""
    page = Blueprint("customers", __name__)
    page.before_request(caching.private)
    regulars = read_regulars(shop_folder)

    @page.after_request
    def name(response: Response) -> Response:
        if user := session.get("user"):
            response.set_cookie(NAME_COOKIE, user, samesite="Lax")
        elif NAME_COOKIE in request.cookies:
            response.delete_cookie(NAME_COOKIE, samesite="Lax")
        return response

    @page.get("/login")
    def login() -> str:
        return render_template("login.html", regulars=regulars, wrong="")

    @page.post("/login")
    def sign_in() -> Redirect | tuple[str, int]:
        number = request.form.get("customer", "").strip()
        if not _NUMBER.fullmatch(number):
            return render_template("login.html", regulars=regulars, wrong=number), 422
        session["user"] = number
        return redirect(url_for(".welcome"), 303)

    @page.get("/welcome")
    def welcome() -> str | Redirect:
        if "user" not in session:
            return redirect(url_for(".login"), 303)
        return render_template("welcome.html", user=session["user"])

    @page.post("/logout")
    def sign_out() -> Redirect:
        session.pop("user", None)
        g.left = True
        return redirect("/", 303)

    @page.get("/account")
    def account() -> str | Redirect:
        if "user" not in session:
            return redirect(url_for(".login"), 303)
        return render_template("account.html", user=session["user"], order=session.get("order"))

    return page


def read_regulars(shop_folder: Path) -> list[Regular]:
    """Return one regular customer of each taste, from the truth behind a generated shop."""
    file = shop_folder / TRUTH
    if not file.is_file():
        return []
    first: dict[str, Regular] = {}
    for one in msgspec.json.decode(file.read_bytes(), type=_Truth).visitors:
        if one.user_id and one.personalization and one.visits >= REGULAR_VISITS:
            first.setdefault(one.taste, one)
    return sorted(first.values(), key=lambda one: one.taste)
