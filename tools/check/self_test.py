#!/usr/bin/python3
"""Shows that every check finds what it is there to find, and leaves alone what is right."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import co_await  # noqa: E402
import constant_time  # noqa: E402
import format  # noqa: E402
import layers  # noqa: E402
import links  # noqa: E402
import thread_tags  # noqa: E402
import words  # noqa: E402
from tree import Tree, without_comments_and_texts  # noqa: E402

GRAPH = """\
set(SYNCLINE_MODULES
    core record config plugin)
set(SYNCLINE_core_USES)
set(SYNCLINE_record_USES core)
set(SYNCLINE_config_USES core record)
set(SYNCLINE_plugin_USES core plugin_api)
"""


class CheckTest(unittest.TestCase):
    def setUp(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = Path(self._folder.name)
        self.write("host/modules.cmake", GRAPH)

    def write(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def found(self, check, path: str, content: str | bytes) -> list[int]:
        """The lines that the check finds in one file."""
        self.write(path, content)
        return [finding.line for finding in check.findings(Tree(self.root)) if finding.path == path]


class Links(CheckTest):
    def test_a_link_leads_to_a_file_or_a_heading(self) -> None:
        self.write("host/NOTES.md", "# Notes\n\n## What it's `for`\n\n## Again\n\n## Again\n")
        good = "# A\n[a](host/NOTES.md), [b](host/), [c](host/NOTES.md#what-its-for), [d](#a)\n"
        good += "[e](host/NOTES.md#again-1), [f](https://example.com/x.md)\n"
        good += "`[g](nothing.md)`\n```\n[h](nothing.md)\n```\n"
        self.assertEqual(self.found(links, "README.md", good), [])
        bad = "# A\n[a](NOTES.md)\n[b](host/NOTES.md#why)\n[c](#b)\n[d](/host/NOTES.md)\n[e](../x.md)\n"
        self.assertEqual(self.found(links, "README.md", bad), [2, 3, 4, 5, 6])
        self.assertEqual(self.found(links, "host/A.md", "[a](NOTES.md) and [b](NOTES.md#nothing)\n"), [1])


class Layers(CheckTest):
    def test_a_module_uses_what_the_graph_lists(self) -> None:
        includes = '#include "core/b.hpp"\n#include "config/a.hpp"\n'
        self.assertEqual(self.found(layers, "host/config/a.cpp", includes), [])
        self.assertEqual(self.found(layers, "host/record/a.cpp", includes), [2])
        self.assertEqual(self.found(layers, "host/core/a.hpp", '#  include  "record/a.hpp"\n'), [1])

    def test_a_comment_is_no_include(self) -> None:
        self.assertEqual(self.found(layers, "host/core/a.cpp", '/*\n#include "record/a.hpp"\n*/\n'), [])

    def test_third_party_headers_stay_hidden(self) -> None:
        for header, home in (("spdlog/spdlog.h", "core"), ("yaml-cpp/yaml.h", "config"), ("boost/dll.hpp", "plugin")):
            self.assertEqual(self.found(layers, f"host/{home}/x.cpp", f"#include <{header}>\n"), [])
            self.assertEqual(self.found(layers, "host/record/x.cpp", f"#include <{header}>\n"), [1])
        for header in ("lmdb.h", "curl/curl.h", "boost/beast/http.hpp", "CLI/CLI.hpp", "openssl/evp.h"):
            self.assertEqual(self.found(layers, "host/record/x.cpp", f"#include <{header}>\n"), [1])

    def test_the_plugin_api_belongs_to_one_module_and_knows_none(self) -> None:
        self.assertEqual(self.found(layers, "host/plugin/a.cpp", '#include "syncline/plugin.h"\n'), [])
        self.assertEqual(self.found(layers, "host/config/a.cpp", "#include <syncline/plugin.h>\n"), [1])
        self.assertEqual(self.found(layers, "plugins/p/a.cpp", '#include "syncline/plugin.h"\n'), [])
        self.assertEqual(self.found(layers, "plugins/p/b.cpp", '#include "core/error.hpp"\n'), [1])
        self.assertEqual(self.found(layers, "plugin-api/include/c.h", '#include "core/error.hpp"\n'), [1])

    def test_a_folder_is_in_the_graph_and_includes_name_their_module(self) -> None:
        self.assertEqual(self.found(layers, "host/other/a.cpp", ""), [0])
        self.assertEqual(self.found(layers, "host/core/b.cpp", '#include "error.hpp"\n'), [1])

    def test_the_graph_has_an_order(self) -> None:
        backwards = GRAPH.replace("core_USES)", "core_USES record)")
        self.assertEqual(self.found(layers, "host/modules.cmake", backwards), [0])


class CoAwait(CheckTest):
    def found_in(self, body: str) -> list[int]:
        return self.found(co_await, "host/core/a.cpp", "Task f() {\n" + body + "\n}\n")

    def test_braces_and_owning_captures_are_found(self) -> None:
        for body in ("co_await send(Request{a, b});",
                     "auto r = co_await send({a, b});",
                     "use(Request{a}, co_await x());",
                     "co_await run([s] { use(s); });",
                     "co_await run([s = std::move(s)]() mutable { use(s); });",
                     "co_await run([=](int n) { use(n); });",
                     "if (co_await send(Request{a})) { b(); }",
                     "co_return co_await send(Request{a});",
                     "Reply reply{co_await send(a)};",
                     "auto [x, y] = co_await pair();",
                     "auto& [x, y] = co_await pair();"):  # fmt: skip
            with self.subTest(body):
                self.assertEqual(self.found_in(body), [2])

    def test_named_objects_are_right(self) -> None:
        for body in ("Request r{a, b};\nco_await send(std::move(r));",
                     "auto work = [s] { use(s); };\nco_await run(work);",
                     "co_await run([&] { use(Request{a}); });",
                     "co_await run([&s, this](int n) { return Request{n}; });",
                     "if (co_await ready()) {\n  Request r{a};\n  send(r);\n}",
                     "for (auto x : {1, 2}) {\n  co_await f(x);\n}",
                     "while (co_await f(x[0])) {\n}\nRequest r{a};",
                     "try {\n  co_await f();\n} catch (const E& e) {\n  g(E{e});\n}",
                     "}\nclass A : public B {\n  Task g() override {\n    co_await f();\n  }",
                     "co_await f(); // {a}",
                     'co_await f("{a}");'):  # fmt: skip
            with self.subTest(body):
                self.assertEqual(self.found_in(body), [])

    def test_connectors_and_their_headers_are_looked_at(self) -> None:
        for path in ("plugins/p/connector.cpp", "plugin-api/include/syncline/a.hpp", "tests/contract/a.cpp"):
            self.assertEqual(self.found(co_await, path, "Task f() {\n  co_await send(Request{a});\n}\n"), [2])

    def test_inside_a_lambda_the_rule_holds_too(self) -> None:
        self.assertEqual(self.found_in("spawn([&]() -> Task {\n  Request r{a};\n  co_await f(r);\n});"), [])
        self.assertEqual(self.found_in("spawn([&]() -> Task {\n  co_await f(Request{a});\n});"), [3])


class ThreadTags(CheckTest):
    def test_a_header_with_a_class_or_a_function_has_a_tag(self) -> None:
        for content in ("class A {\n};\n", "int f(int a);\n", "Result<void> f(const T& a,\n               int b);\n"):
            self.assertEqual(self.found(thread_tags, "host/core/a.hpp", content), [0])
            self.assertEqual(self.found(thread_tags, "host/core/a.hpp", "// Reads. [any]\n" + content), [])
            self.assertEqual(self.found(thread_tags, "host/core/a.hpp", "// Concurrency: one owner.\n" + content), [])

    def test_data_needs_none(self) -> None:
        content = "struct A {\n    int a = 0;\n};\nenum class B { kC };\ninline constexpr int kD = f(1);\n"
        self.assertEqual(self.found(thread_tags, "host/core/a.hpp", content), [])

    def test_a_tag_in_code_does_not_count(self) -> None:
        self.assertEqual(self.found(thread_tags, "host/core/a.hpp", "int f(int a);\nint b = c[any];\n"), [0])

    def test_every_function_pointer_of_the_abi_has_one(self) -> None:
        tagged = "// Starts.\n// Thread: [instance]. Since: 1.0\nint (SYNCLINE_CALL *start)(void *self,\n    int a);\n"
        self.assertEqual(self.found(thread_tags, "plugin-api/include/syncline/a.h", tagged), [])
        for untagged, line in (("\n// Stops.\nint (*stop)(void);\n", 7), ("int (*stop)(void);\n", 5)):
            content = tagged + untagged
            self.assertEqual(self.found(thread_tags, "plugin-api/include/syncline/a.h", content), [line])


class ConstantTime(CheckTest):
    def found_in(self, line: str) -> list[int]:
        return self.found(constant_time, "host/core/a.cpp", "void f() {\n" + line + "\n}\n")

    def test_comparisons_that_stop_early_are_found(self) -> None:
        for line in ("if (key.reveal() == claimed) return;",
                     "return value == key.reveal();",
                     "return signature != expected;",
                     "return expected_digest == digest_;",
                     "return memcmp(mac, other, size) == 0;",
                     "return std::memcmp(a, hmac.data(), size) == 0;",
                     "return std::equal(digest.begin(), digest.end(), other.begin());",
                     "return strcmp(password, text) == 0;",
                     "return text.compare(secret) == 0;",
                     "return options.password.compare(text) == 0;",
                     "return a.key.reveal().starts_with(text);",
                     "return rule->api_key == header;",
                     "return text.starts_with(secret);",
                     "return key.reveal().substr(0, 4) == text;",
                     "return text == std::string{key.reveal()};",
                     "return core::to_hex(core::hmac(kDigest, key, body)) == text;",
                     "return (secret <=> text) == 0;",
                     "return secret not_eq text;",
                     "return std::equal_to<>{}(digest, text);",
                     "return std::lexicographical_compare(mac.begin(), mac.end(), a, b);",
                     "return text.find(key.reveal()) == 0;",
                     "return text.rfind(password, 0) == 0;"):  # fmt: skip
            with self.subTest(line):
                self.assertEqual(self.found_in(line), [2])

    def test_a_name_for_what_is_revealed_counts_until_the_function_ends(self) -> None:
        for line in ("const auto view = key.reveal();", "const std::string copy{key.reveal()};",
                     "std::string_view part = options_.key.reveal().substr(4);"):  # fmt: skip
            name = line.split("=")[0].split("{")[0].split()[-1]
            with self.subTest(line):
                self.assertEqual(self.found_in(f"{line}\nreturn {name} == text;"), [3])
                self.assertEqual(self.found_in(f"{line}\nreturn text.starts_with({name});"), [3])
                self.assertEqual(self.found_in(f"{line}\n}}\nvoid g() {{\nreturn {name} == text;"), [])

    def test_what_only_looks_so_is_left_alone(self) -> None:
        for line in ("return core::equal_constant_time(digest, expected);",
                     "return key.equals(claimed);",
                     "if (digest == nullptr) return;",
                     "if (digest == HmacDigest::kSha1) return;",
                     "return key.reveal().size() == 32;",
                     'return claimed.starts_with("sha256=");',
                     "return claimed.ends_with('=');",
                     "return secret.starts_with(kMark);",
                     "return secrets.find(name) != secrets.end();",
                     "return signature.size() != kBytes;",
                     "if (digest_bytes == 20) return;",
                     "return key->text == name;",
                     "// password == text",
                     'say("password == text");',
                     "// constant-time: both are public.\nreturn digest == other;",
                     "return digest == other;  // constant-time: both are public."):  # fmt: skip
            with self.subTest(line):
                self.assertEqual(self.found_in(line), [])

    def test_tests_may_compare_as_they_like(self) -> None:
        self.assertEqual(self.found(constant_time, "tests/unit/a.cpp", "bool a = digest == other;\n"), [])


class Words(CheckTest):
    def test_what_is_unfinished_is_found(self) -> None:
        for word in ("TODO", "FIXME: x", "XXX", "not yet implemented", "For now, this", "TBD"):
            self.assertEqual(self.found(words, "README.md", f"fine\n{word}\n"), [2])

    def test_paths_of_one_machine_are_found(self) -> None:
        for path in ("/work/dir", "/home/me/x", "see ../shared/a", '"/root/x"', "C:\\Users\\me"):
            self.assertEqual(self.found(words, "tools/a.py", f"fine\n{path}\n"), [2])

    def test_a_merge_conflict_is_found(self) -> None:
        self.assertEqual(self.found(words, "host/a.cpp", "<<<<<<< HEAD\n=======\n>>>>>>> b\n"), [1, 3])

    def test_other_words_are_left_alone(self) -> None:
        fine = "mastodons\nsyncline-XXXXXX\nnetwork/x\n/var/lib/homework/x\nhttp://a/home/b\nform now\n~/work/x\n"
        self.assertEqual(self.found(words, "README.md", fine), [])
        self.assertEqual(self.found(words, "tests/data/a.bin", b"\0TODO"), [])


class Format(CheckTest):
    def test_white_space_is_found(self) -> None:
        self.assertEqual(self.found(format, "host/a.cpp", "int a;\n\tint b;\nint c; \nint d;\r\n"), [2, 3, 4])
        self.assertEqual(self.found(format, "host/a.cpp", "int a;"), [0])
        self.assertEqual(self.found(format, "host/a.cpp", "int a;\n\n"), [0])
        self.assertEqual(self.found(format, "host/a.cpp", b"// \xff\n"), [0])
        self.assertEqual(self.found(format, "tools/x", "#!/bin/bash\necho \n"), [2])

    def test_long_lines_are_found(self) -> None:
        self.assertEqual(self.found(format, "host/a.cpp", "//" + "ä" * 98 + "\n//" + "ä" * 99 + "\n"), [2])
        self.assertEqual(self.found(format, "README.md", "x" * 120 + "\n" + "x" * 121 + "\n"), [2])

    def test_what_can_not_be_broken_may_be_long(self) -> None:
        self.assertEqual(self.found(format, "README.md", "| " + "x" * 130 + "\nhttps://" + "x" * 130 + "\n"), [])

    def test_inputs_of_tests_are_left_alone(self) -> None:
        self.assertEqual(self.found(format, "tests/data/a.json", "{} "), [])


class Sources(CheckTest):
    def test_builds_and_data_of_a_run_are_no_sources(self) -> None:
        for path in ("build/dev/a.cpp", "data/a.cpp", ".git/a.cpp", "tools/__pycache__/a.cpp", "tests/data/a.cpp"):
            self.write(path, "x")
        self.write("plugins/.git", "of a worktree")
        paths = [source.path for source in Tree(self.root).sources()]
        self.assertEqual(paths, ["host/modules.cmake", "tests/data/a.cpp"])

    def test_comments_and_texts_are_blanked_in_place(self) -> None:
        code = without_comments_and_texts('a("x//y"); // z\nb(\'"\'); /* {\n} */ c(R"(d")"); 1\'000;')
        self.assertEqual(code, 'a("    ");     \nb(\' \');     \n     c(R"    "); 1\'000;')


if __name__ == "__main__":
    unittest.main()
