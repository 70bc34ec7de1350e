"""The demo's clients, and what smtpd tells them."""

import sqlite3

from tablewatch.cli.demo.scenario import POISON, Reply, create_database, sessions
from tablewatch.protocol.messages import Answer, Verdict


def by_reply(reply):
    return next(session for session in sessions() if session.expected is reply)


def stored(tmp_path, key):
    path = tmp_path / "mail.sqlite"
    create_database(str(path))
    connection = sqlite3.connect(path)
    rows = dict(connection.execute("select mail, c_password from vusers").fetchall())
    connection.close()
    return Answer(Verdict.FOUND, f"{key}:{rows[key]}".encode())


def test_the_poisoned_login_comes_twice_with_others_before_between_and_after():
    steps = [session.poisoned for session in sessions()]
    first, second = (number for number, poisoned in enumerate(steps) if poisoned)
    assert 0 < first < second - 1
    assert second < len(steps) - 1


def test_both_tables_are_asked_after_the_poisoned_login():
    after = sessions()[[session.key for session in sessions()].index(POISON) + 1 :]
    assert {session.table for session in after} == {"creds", "aliases"}


def test_everybody_comes_in_order():
    steps = [session.step for session in sessions()]
    assert steps == sorted(steps)


def test_the_right_password_is_accepted_and_a_wrong_one_is_not(tmp_path):
    right, wrong = by_reply(Reply.AUTHENTICATED), by_reply(Reply.WRONG_LOGIN)
    assert right.key == wrong.key
    answer = stored(tmp_path, right.key)
    assert right.judge(answer) is Reply.AUTHENTICATED
    assert wrong.judge(answer) is Reply.WRONG_LOGIN


def test_a_found_answer_without_a_hash_lets_nobody_in():
    session = by_reply(Reply.AUTHENTICATED)
    for value in (b"alice@example.org", b"alice@example.org:", b"alice@example.org:$demo$alice$"):
        assert session.judge(Answer(Verdict.FOUND, value)) is Reply.WRONG_LOGIN


def test_an_error_is_temporary_and_not_found_is_final():
    login, mail = by_reply(Reply.AUTHENTICATED), by_reply(Reply.ACCEPTED)
    error, not_found = Answer(Verdict.ERROR), Answer(Verdict.NOT_FOUND)
    assert (login.judge(error), mail.judge(error)) == (Reply.LOGIN_LATER, Reply.MAIL_LATER)
    assert (login.judge(not_found), mail.judge(not_found)) == (
        Reply.WRONG_LOGIN,
        Reply.NO_SUCH_USER,
    )
