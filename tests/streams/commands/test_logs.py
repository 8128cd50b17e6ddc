"""What is said again and again is said once, with how often."""

from __future__ import annotations

import logging

from streams.commands.logs import EVERY_S, Repeats


def said(repeats, at_s, words, *filled, name="aiokafka"):
    record = logging.LogRecord(name, logging.ERROR, "", 0, words, filled, None)
    record.created = at_s
    return record.getMessage() if repeats.filter(record) else None


def test_a_message_that_repeats_is_passed_now_and_then_with_how_often_it_came():
    repeats = Repeats()
    assert said(repeats, 100.0, "no connection to %s", "a") == "no connection to a"
    assert said(repeats, 100.1, "no connection to %s", "b") is None
    assert said(repeats, 109.9, "no connection to %s", "a") is None
    again = said(repeats, 100.0 + EVERY_S, "no connection to %s", "a")
    assert again == "no connection to a (and 2 more like it)"
    assert said(repeats, 110.1 + EVERY_S, "no connection to %s", "a") == "no connection to a"


def test_other_messages_and_other_loggers_are_not_held_back():
    repeats = Repeats()
    assert said(repeats, 100.0, "no connection")
    assert said(repeats, 100.0, "no leader")
    assert said(repeats, 100.0, "no connection", name="streams.worker")


def test_a_message_with_a_sign_of_percent_is_passed_as_it_is():
    repeats = Repeats()
    assert said(repeats, 100.0, "100 % full") == "100 % full"
    assert said(repeats, 100.0, "100 % full") is None
    assert said(repeats, 111.0, "100 % full") == "100 % full (and 1 more like it)"
