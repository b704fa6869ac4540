import asyncio

import msgspec
import pytest

from fiducial.kernel.errors import SpecError
from fiducial.kernel.records import Decoding, Message, Tool, ToolCall, Usage
from fiducial.kernel.roles import Context, Subject, Turn, say
from fiducial.subjects.chat import subject

KEY = "sk-0123456789abcdefghij"
TURN = Turn(messages=(say("2+2?"),), seed=7)


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_model_at_a_url_is_asked_with_messages_and_seed(server, tmp_path, reply):
    async def main():
        async with server(reply(model="m-2026", system_fingerprint="fp", usage={"prompt_tokens": 5, "completion_tokens": 2})) as seen:
            bot = subject(f"org/m@1@{seen.url}", Context(folder=tmp_path))
            assert isinstance(bot, Subject)
            answer = await bot.complete(TURN)
            await bot.close()
            return bot, answer, seen

    bot, answer, seen = asyncio.run(main())
    assert seen.paths == ["/v1/chat/completions"]
    assert seen.json == [{"model": "org/m@1", "messages": [{"role": "user", "content": "2+2?"}], "seed": 7}]
    assert "Authorization" not in seen.headers[0]
    assert answer.message == Message(role="assistant", text="four")
    assert (answer.status, answer.served.model, answer.served.fingerprint, answer.served.finish, answer.served.attempts) == (
        "answered",
        "m-2026",
        "fp",
        "stop",
        1,
    )
    assert answer.usage == Usage(input=5, output=2)
    assert bot.id.startswith("chat:org/m@1@127.0.0.1-")


def test_all_settings_travel(talk, settings, reply, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("MY_TEAM", "team-secret-0123456789")
    turn = Turn(
        messages=(say("be kind", "system"), say("q"), Message(role="assistant", text="", tool_calls=(ToolCall(id="c", name="f", arguments='{"a":1}'),)), Message(role="tool", text="ok", tool_call_id="c")),
        tools=(Tool(name="f", description="d", parameters={"type": "object"}),),
        decoding=Decoding(temperature=0.5, max_tokens=9, stop=("x", "y")),
    )  # fmt: skip
    more = {
        "key_env": "MY_KEY", "system": "S", "temperature": 0.1, "top_p": 0.9, "max_completion_tokens": 99, "reasoning_effort": "low",
        "headers": {"X-Team": "env:MY_TEAM"}, "extra_body": {"top_k": 3}, "prices": {"input": 1, "output": 2.5},
    }  # fmt: skip
    answer, seen = talk(reply(), turn=turn, **more)
    assert answer.status == "answered"
    (body,) = seen.json
    assert body["messages"] == [
        {"role": "system", "content": "S\n\nbe kind"},
        {"role": "user", "content": "q"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "content": "ok", "tool_call_id": "c"},
    ]
    assert {k: body[k] for k in ("temperature", "top_p", "max_completion_tokens", "reasoning_effort", "top_k", "stop")} == {
        "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 9, "reasoning_effort": "low", "top_k": 3, "stop": ["x", "y"],
    }  # fmt: skip
    assert "seed" not in body
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]
    assert seen.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert seen.headers[0]["X-Team"] == "team-secret-0123456789"
    bot = settings(seen.url, **more)
    shown = msgspec.json.encode([bot.describe(), bot.id]).decode()
    assert KEY not in shown
    assert "team-secret" not in shown
    assert bot.describe()["prices"] == {"input": 1, "output": 2.5}


def test_the_seed_can_be_left_out(talk, reply):
    _, seen = talk(reply(), send_seed=False)
    assert "seed" not in seen.json[0]


def test_environment_and_dotenv_give_url_and_key_and_the_environment_wins(server, tmp_path, reply, monkeypatch):
    async def main(key):
        async with server(reply()) as seen:
            (tmp_path / ".env").write_text(f"export OPENAI_BASE_URL='{seen.url}/'\nOPENAI_API_KEY=from-dotenv # mine\n")
            bot = subject("m", Context())
            await bot.complete(TURN)
            await bot.close()
            assert seen.headers[0]["Authorization"] == f"Bearer {key}"

    asyncio.run(main("from-dotenv"))
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    asyncio.run(main("from-environment"))


def test_the_identity_follows_what_changes_answers_and_nothing_else(settings):
    url = "http://h:1/v1"
    plain = settings(url).id
    assert plain == settings("http://h:2/v1", concurrency=3, timeout=9, retries=1).id
    others = [
        {"temperature": 1.0},
        {"system": "S"},
        {"extra_body": {"a": 1}},
        {"reasoning_effort": "low"},
        {"max_tokens": 5},
        {"version": "2"},
    ]
    assert len({plain, *(settings(url, **o).id for o in others)}) == 1 + len(others)


# --- what is refused before any call ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"colour": "red"}, "colour"),
        ({"prices": {"input": 1, "outptu": 2}}, "prices.outptu"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 9.0}, "temperature"),
        ({"concurrency": 0}, "concurrency"),
        ({"headers": {"Authorization": "Bearer abc"}}, "headers.Authorization"),
        ({"headers": {"X": "env:NOT_SET_ANYWHERE"}}, "headers.X"),
        ({"headers": {"X": "a\nb"}}, "headers.X"),
        ({"key_env": "NOT_SET_ANYWHERE"}, "key_env"),
        ({"extra_body": {"messages": []}}, "extra_body"),
        ({"base_url": "ftp://h/v1"}, "base_url"),
        ({"base_url": "http://me:secret@h/v1"}, "base_url"),
        ({"continuations": "guess"}, "continuations"),
    ],
)
def test_wrong_settings_are_refused_with_file_and_path(settings, more, path):
    with pytest.raises(SpecError) as caught:
        settings(**{"url": "http://h/v1", **more})
    assert caught.value.file == "bot.toml"
    assert caught.value.path == path
    assert "me:secret" not in str(caught.value)
    assert "Bearer" not in str(caught.value)


@pytest.mark.parametrize("text", ["model = 'm'", "model = ", "\xff"])
def test_unreadable_or_incomplete_files_are_refused(tmp_path, text):
    (tmp_path / "x.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SpecError):
        subject("x.toml", Context(folder=tmp_path))


@pytest.mark.parametrize("rest", ["m", "nowhere.toml", "@http://h/v1", ""])
def test_a_name_without_model_url_or_file_is_refused(rest):
    with pytest.raises(SpecError):
        subject(rest, Context())


@pytest.mark.parametrize("rest", ["bot@127.0.0.1:8501/v1", "bot@localhost", "org/bot@models.example/v1"])
def test_a_host_without_a_scheme_is_told_and_not_taken_for_a_model(rest, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://h/v1")
    with pytest.raises(SpecError, match="http:// or https://"):
        subject(rest, Context())
    assert subject("model@001", Context()).describe()["model"] == "model@001"


def test_a_version_behind_the_url_is_part_of_the_name():
    one, two = (subject(f"bot@http://h:{port}/v1{version}", Context()) for port, version in ((1, ""), (2, "")))
    assert one.id == two.id
    new = subject("bot@http://h:2/v1#2026 11/b", Context())
    assert new.id.startswith("chat:bot@h#2026-11-b-")
    assert new.describe()["version"] == "2026 11/b"


# --- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "finish", "status", "text", "reasoning"),
    [
        ({}, "stop", "answered", "four", None),
        ({"content": ""}, "stop", "empty", "", None),
        ({"content": None}, "stop", "empty", "", None),
        ({"content": " \n"}, "stop", "empty", " \n", None),
        ({}, "length", "truncated", "four", None),
        ({"content": ""}, "length", "truncated", "", None),
        ({}, "content_filter", "filtered", "four", None),
        ({"content": None, "refusal": "not that"}, "stop", "filtered", "not that", None),
        ({"content": "half", "refusal": "not that"}, "stop", "filtered", "half", None),
        ({"content": "<think>2 and 2</think>\n\nfour"}, "stop", "answered", "four", "2 and 2"),
        ({"content": "<think>2 and 2"}, "stop", "truncated", "", "2 and 2"),
        ({"content": "the tag <think> is"}, "stop", "answered", "the tag <think> is", None),
        ({"content": "four", "reasoning_content": "r"}, "stop", "answered", "four", "r"),
        ({"content": "four", "reasoning": "r"}, "stop", "answered", "four", "r"),
        ({"content": [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}, {"type": "image"}]}, "stop", "answered", "four", None),
        ({"content": 17}, "stop", "empty", "", None),
    ],
)  # fmt: skip
def test_status_text_and_reasoning(talk, reply, message, finish, status, text, reasoning):
    answer, _ = talk(reply(message, finish))
    assert (answer.status, answer.message.text, answer.message.reasoning) == (status, text, reasoning)


def test_tool_calls_come_back_and_odd_ones_do_no_harm(talk, reply):
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"type": "function", "function": {"name": "g", "arguments": {"y": [1, 2]}}},
        {"function": "nonsense"},
        3,
    ]
    answer, _ = talk(reply({"content": None, "tool_calls": calls}, "tool_calls"))
    assert answer.status == "answered"
    assert answer.message.tool_calls == (
        ToolCall(id="a", name="f", arguments='{"x": 1}'),
        ToolCall(id="call_1", name="g", arguments='{"y": [1, 2]}'),
    )


def test_usage_with_reasoning_and_cached_tokens_and_log_probabilities(talk, reply):
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": 15},
        "prompt_tokens_details": {"cached_tokens": 40},
    }
    value = reply(usage=usage)
    value["choices"][0]["logprobs"] = {"content": [{"token": "fo", "logprob": -0.5}, {"token": "ur", "logprob": -0.25}]}
    answer, seen = talk(value, logprobs=True)
    assert answer.usage == Usage(input=50, output=20, reasoning=15, cached=40)
    assert answer.logprobs == (-0.5, -0.25)
    assert seen.json[0]["logprobs"] is True


def test_odd_usage_counts_as_not_told(server, tmp_path, talk, reply):
    answer, _ = talk(
        server,
        tmp_path,
        reply(usage={"prompt_tokens": "5", "completion_tokens": -1, "prompt_tokens_details": 3}, model=4, system_fingerprint=[]),
    )
    assert answer.usage == Usage()
    assert answer.served.model is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (rb'{"choices":[{"message":{"content":"a\ud800b"}}]}', "a\ufffdb"),
        (b'{"choices":[{"message":{"content":"a\xffb"}}]}', "a\ufffdb"),
        (b'\xef\xbb\xbf{"choices":[{"message":{"content":"a"}}]}', "a"),
    ],
)
def test_text_that_is_not_unicode_is_repaired(talk, content, text):
    answer, seen = talk(content)
    assert answer.message.text == text
    assert len(seen.bodies) == 1
    msgspec.json.encode(answer)
