#!/usr/bin/python3
"""`syncline test`: the tests that a configuration carries for its mapping."""

from __future__ import annotations

import unittest

from support import HubTest

CONNECTION = """    when: .customer != 7
    map:
      audience: .audience
      user: .user | ascii_downcase
      size: .size
"""
PASSING = """    tests:
      - name: a user in lower case
        given: { audience: a, user: ME@EXAMPLE.NL, size: 1.0 }
        expect: { user: me@example.nl, audience: a, size: 1 }
      - { given: { customer: 7 }, expect_filtered: true }
      - { given: { user: 5 }, expect_error: is not a string }
"""
FAILING = """      - given: { audience: a, user: U, size: { kept: 1, lost: 2 } }
        expect: { user: U, size: { kept: 1, more: ~ } }
      - { given: { customer: 7 }, expect: {} }
      - { name: not filtered, given: { user: x }, expect_filtered: true }
      - { given: { user: x }, expect_error: is not a string }
      - { given: { user: 5 }, expect_error: other words }
"""


class MappingTestsTest(HubTest):
    def carry(self, tests: str) -> None:
        text = self.setup.config.read_text(encoding="utf-8")
        head = text[: text.index("    map:\n")]
        self.setup.config.write_text(head + CONNECTION + tests, encoding="utf-8")

    def line_of(self, words: str) -> int:
        lines = self.setup.config.read_text(encoding="utf-8").splitlines()
        (line,) = (number for number, text in enumerate(lines, 1) if words in text)
        return line

    async def test_without_tests_it_is_done(self) -> None:
        ended = await self.syncline("test")
        self.assertEqual((ended.code, ended.out, ended.err), (0, "no tests\n", ""))

    async def test_all_pass(self) -> None:
        self.carry(PASSING)
        ended = await self.syncline("test")
        self.assertEqual((ended.code, ended.out, ended.err), (0, "3 passed, 0 failed\n", ""))
        result = await self.result("test")
        self.assertEqual((result["passed"], result["failed"]), (3, 0))
        self.assertEqual(
            [test["name"] for test in result["tests"]], ["a user in lower case", "test 2", "test 3"]
        )

    async def test_what_fails_is_shown_at_its_place_field_by_field(self) -> None:
        self.carry(PASSING + FAILING)
        ended = await self.syncline("test")
        self.assertEqual((ended.code, ended.err), (1, ""))
        place = f"{self.setup.config}:"
        first = self.line_of("kept: 1, lost: 2")
        expected = f"""{place}{first}:9: audiences, test 4: failed
  expected {{"user":"U","size":{{"kept":1,"more":null}}}}
  got      {{"audience":"a","user":"u","size":{{"kept":1,"lost":2}}}}
  user: expected "U", got "u"
  size.more: expected null, got nothing
  size.lost: expected nothing, got 2
  audience: expected nothing, got "a"
{place}{first + 2}:9: audiences, test 5: failed
  expected {{}}
  got      filtered
{place}{first + 3}:9: audiences, not filtered: failed
  expected filtered
  got      {{"audience":null,"user":"x","size":null}}
{place}{first + 4}:9: audiences, test 7: failed
  expected an error with "is not a string"
  got      {{"audience":null,"user":"x","size":null}}
"""
        self.assertEqual(ended.out[: len(expected)], expected)
        rest = ended.out[len(expected) :].splitlines()
        self.assertEqual(rest[0], f"{place}{first + 5}:9: audiences, test 8: failed")
        self.assertEqual(rest[1], '  expected an error with "other words"')
        self.assertIn("  got      the error pipeline.mapping_failed: ", rest[2])
        self.assertEqual(rest[3:], ["3 passed, 5 failed"])

    async def test_json_has_the_differences_as_values(self) -> None:
        self.carry(PASSING + FAILING)
        ended = await self.syncline("test", "--json")
        envelope = ended.json()
        self.assertEqual((ended.code, envelope["ok"], envelope["command"]), (1, False, "test"))
        self.assertEqual(envelope["summary"], "3 passed, 5 failed")
        self.assertEqual(envelope["result"]["failed"], 5)
        test = envelope["result"]["tests"][3]
        self.assertEqual((test["connection"], test["passed"]), ("audiences", False))
        self.assertEqual(test["where"], f"{self.setup.config}:{test['line']}:{test['column']}")
        fields = {difference["field"]: difference for difference in test["differences"]}
        self.assertEqual((fields["user"]["expected"], fields["user"]["got"]), ("U", "u"))
        more = fields["size.more"]
        self.assertEqual((more["is_expected"], more["has_come"]), (True, False))

    async def test_validate_looks_at_the_form_and_not_at_the_outcome(self) -> None:
        self.carry(PASSING + FAILING)
        self.assertEqual((await self.syncline("validate")).code, 0)
        self.carry("    tests:\n      - { given: {} }\n")
        for verb in ("validate", "test"):
            ended = await self.syncline(verb)
            self.assertEqual((ended.code, ended.out), (2, ""))
            place = f"{self.setup.config}:{self.line_of('given: {}')}:9"
            self.assertIn(f"{place}: config.missing_key: ", ended.err)

    async def test_an_expression_that_does_not_compile_makes_the_configuration_invalid(self) -> None:
        self.carry(PASSING)
        self.edit("user: .user | ascii_downcase", "user: .user | ascii_downcaze")
        ended = await self.syncline("test")
        self.assertEqual((ended.code, ended.out), (2, ""))
        self.assertIn("expr.unknown_function", ended.err)


if __name__ == "__main__":
    unittest.main()
