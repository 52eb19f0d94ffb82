#!/usr/bin/python3
"""What the command line says of configurations, compared with golden texts."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from support import BINARY, HERE, Ended, HubTest, run

CONFIGS = HERE / "configs"
GOLDEN = HERE / "golden"
# Set to write what is said now, for a person to compare.
UPDATE = bool(os.environ.get("SYNCLINE_UPDATE_GOLDEN"))


class GoldenTest(unittest.IsolatedAsyncioTestCase):
    maxDiff = None

    async def ask(self, name: str, *words: str) -> Ended:
        """Runs a verb on a configuration, with the connectors of the build beside it."""
        with tempfile.TemporaryDirectory(prefix="syncline-test.") as folder:
            (Path(folder) / name).write_bytes((CONFIGS / name).read_bytes())
            connectors = BINARY.resolve().parent.parent / "connectors"
            (Path(folder) / "connectors").mkdir()
            for file in connectors.glob("*.so"):
                (Path(folder) / "connectors" / file.name).write_bytes(file.read_bytes())
            command = ["sh", "-c", 'cd "$0" && exec "$@"', folder, str(BINARY), *words, "-c", name]
            ended = await run(command, {"ACME_DMP_KEY": "k", "EMPTY": ""})
            return Ended(
                ended.code,
                ended.out.replace(folder, "FOLDER"),
                ended.err.replace(folder, "FOLDER"),
            )

    def compare(self, name: str, text: str) -> None:
        file = GOLDEN / f"{name}.txt"
        if UPDATE:
            file.write_text(text, encoding="utf-8")
        self.assertEqual(text, file.read_text(encoding="utf-8"))

    async def test_validate_says_every_problem_at_its_place(self) -> None:
        files = sorted(path.name for path in CONFIGS.glob("*.yaml"))
        self.assertGreater(len(files), 9)
        for name in files:
            with self.subTest(name):
                ended = await self.ask(name, "validate")
                environment = 3 if name == "no-connectors-dir.yaml" else 2
                self.assertEqual(ended.code, 0 if name == "good.yaml" else environment)
                self.compare(name.removesuffix(".yaml"), ended.out + ended.err)

    async def test_run_says_the_same_and_writes_nothing(self) -> None:
        for name in ("several.yaml", "unknown-connector.yaml"):
            with self.subTest(name):
                ended = await self.ask(name, "run")
                self.assertEqual((ended.code, ended.out), (2, ""))
                self.compare(name.removesuffix(".yaml"), ended.err)

    async def test_json_lists_the_problems_with_line_and_column(self) -> None:
        ended = await self.ask("several.yaml", "validate", "--json")
        envelope = ended.json()
        self.assertEqual(ended.err, "")
        self.assertEqual(sorted(envelope), ["command", "error", "ok", "result", "summary"])
        self.assertFalse(envelope["ok"])
        problems = envelope["result"]["problems"]
        self.assertEqual(
            [problem["where"] for problem in problems],
            [f"several.yaml:{problem['line']}:{problem['column']}" for problem in problems],
        )
        self.assertEqual(problems, sorted(problems, key=lambda p: (p["line"], p["column"])))

    async def test_help_of_every_verb(self) -> None:
        verbs = ["", "run", "reload", "validate", "test", "schema", "status", "sync", "explain", "doctor", "version"]
        verbs += ["backup", "salvage"]
        verbs += ["connectors", "connectors list", "connectors describe", "connectors new", "connectors record"]
        verbs += ["connectors install", "connectors rollback", "connectors remove"]
        verbs += ["dlq", "dlq list", "dlq show", "dlq edit", "dlq replay", "dlq discard"]
        texts = []
        for verb in verbs:
            ended = await run([str(BINARY), *verb.split(), "--help"])
            self.assertEqual((ended.code, ended.err), (0, ""), verb)
            self.assertTrue(all(len(line) <= 120 for line in ended.out.splitlines()), verb)
            texts.append(" ".join(["$ syncline", *verb.split(), f"--help\n{ended.out}"]))
        self.compare("help", "\n".join(texts))


class CommandLineTest(HubTest):
    async def test_no_configuration_file_is_one_message(self) -> None:
        missing = str(self.folder / "nowhere.yaml")
        for verb in ("run", "validate"):
            ended = await run([str(BINARY), verb, "-c", missing])
            self.assertEqual(ended.code, 2)
            self.assertEqual(ended.err.count("\n"), 1, ended.err)
            self.assertIn("nowhere.yaml: config.file_missing", ended.err)

    async def test_schemas_of_models_are_printed_and_unknown_ones_named(self) -> None:
        ended = await self.syncline("schema", "profile")
        self.assertEqual((ended.code, json.loads(ended.out)["title"]), (0, "profile"))
        ended = await self.syncline("schema", "unicorn")
        self.assertEqual(ended.code, 2)
        self.assertIn('no model "unicorn"; there are audience, consent,', ended.err)

    async def test_a_wrong_command_line_is_named(self) -> None:
        for words, what in (
            (["frobnicate"], "`frobnicate`"),
            (["run", "--frob"], "`--frob`"),
            (["dlq", "show"], "ID"),
            (["dlq", "replay"], "--all"),
            (["dlq", "replay", "--all", "1.2"], "not both"),
            (["dlq", "discard", "1.2", "--connection", "x"], "--connection"),
            (["dlq", "show", "a b"], "`a b`"),
            ([], "subcommand"),
        ):
            with self.subTest(words):
                ended = await self.syncline(*words)
                self.assertEqual(ended.code, 2, ended.err)
                self.assertIn("app.bad_argument", ended.err)
                self.assertIn(what, ended.err)
                envelope = (await self.syncline(*words, "--json")).json()
                self.assertEqual(envelope["error"]["code"], "app.bad_argument")

    async def test_connectors_are_listed_and_described_without_secrets(self) -> None:
        listed = await self.syncline("connectors", "list", key=False)
        self.assertEqual(listed.code, 0, listed.err)
        self.assertIn("mapp-dmp 0.1.0", listed.out)
        self.assertIn("2 connectors in", listed.out)
        described = await self.syncline("connectors", "describe", "pangolin", key=False)
        self.assertIn("setting base_url: string, required.", described.out)
        self.assertIn("stream audiences: destination, of the model audience/1\n", described.out)
        unknown = await self.syncline("connectors", "describe", "pangolyn", key=False)
        self.assertEqual(unknown.code, 2)
        self.assertIn("there are: mapp-dmp, pangolin", unknown.err)
        file = str(self.setup.connectors_dir / "pangolin.so")
        from_file = await self.result("connectors", "describe", file)
        self.assertEqual(from_file["id"], "pangolin")
        version = await run([str(BINARY), "version", "--json"])
        self.assertTrue(version.json()["ok"])

    async def test_a_verb_that_needs_the_hub_says_that_it_does_not_run(self) -> None:
        for words in (["status"], ["dlq", "list"], ["dlq", "show", "1.2"], ["dlq", "replay", "1.2"]):
            with self.subTest(words):
                ended = await self.syncline(*words, "--json")
                envelope = ended.json()
                self.assertEqual(ended.code, 1)
                self.assertEqual(envelope["command"], " ".join(words[:2]).removesuffix(" 1.2"))
                self.assertEqual(envelope["error"]["code"], "app.hub_unreachable")


if __name__ == "__main__":
    unittest.main()
