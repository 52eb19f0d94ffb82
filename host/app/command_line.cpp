#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <functional>

#include "app/errc.hpp"
#include "app/last_words.hpp"
#include "app/report.hpp"
#include "app/verbs.hpp"
#include "app/version.hpp"
#include "core/log.hpp"

namespace syncline::app {
namespace {

constexpr const char* kFooter =
    "Every verb takes --json, for one JSON object instead of text, and -c FILE (or "
    "SYNCLINE_CONFIG).\n"
    "Exit codes: 0 done, 1 runtime failure, 2 input or configuration invalid, 3 environment (port "
    "taken, disk,\n"
    "permissions), 4 finished with dead letters, 5 the ledger does not balance.";

class CommandLine {
  public:
    CommandLine() {
        root_.require_subcommand(1);
        root_.footer(kFooter);
        root_.fallthrough();
        root_.add_flag("--json", common_.is_json, "Print one JSON object instead of text");
        root_.add_option("-c,--config", common_.config, "The configuration file")
            ->envname("SYNCLINE_CONFIG")
            ->type_name("FILE")
            ->capture_default_str();
        root_.set_version_flag("--version", std::string{"syncline "} + kVersion);
        add_hub_verbs();
        add_connector_verbs();
        add_letter_verbs();
        add_secret_verbs();
    }

    int parse_and_run(int argc, const char* const* argv) {
        try {
            root_.parse(argc, argv);
        } catch (const CLI::CallForHelp& e) {
            return root_.exit(e);
        } catch (const CLI::CallForVersion& e) {
            return root_.exit(e);
        } catch (const CLI::ParseError& e) {
            std::vector<std::string> unknown = root_.remaining();
            std::string what =
                unknown.empty() ? e.what() : "there is no verb or option `" + unknown.front() + "`";
            return print_error("", Error{kBadArgument, std::move(what)}, common_.is_json);
        }
        return action_();
    }

  private:
    CLI::App* add(CLI::App& parent, const char* name, const char* what,
                  std::function<int()> action) {
        CLI::App* verb = parent.add_subcommand(name, what);
        verb->fallthrough();
        verb->callback([this, action = std::move(action)] { action_ = action; });
        return verb;
    }

    CLI::App* add_group(const char* name, const char* what) {
        CLI::App* group = root_.add_subcommand(name, what);
        group->require_subcommand(1);
        group->fallthrough();
        return group;
    }

    void add_hub_verbs() {
        CLI::App* verb = add(root_, "run", "Run the hub in the foreground",
                             [this] { return run(common_, allow_unsafe_filesystem_); });
        verb->add_flag_callback(
            "--debug", [] { core::set_log_level(core::LogLevel::kDebug); }, "Log more");
        add(root_, "validate", "Check the configuration, offline; every problem at once",
            [this] { return validate(common_); });
        add(root_, "test", "Run the mapping tests that the configuration carries, offline",
            [this] { return test(common_); });
        add(root_, "schema", "Print the JSON Schema of the configuration, for editors",
            [this] { return schema(common_); });
        add(root_, "status", "Ask the running hub for its ledger",
            [this] { return status(common_); });
        add(root_, "doctor", "Check what the hub needs around it; nothing is changed",
            [this] { return doctor(common_); });
        CLI::App* salvage_verb = add(
            root_, "salvage", "Recover what is intact of a damaged data directory; the hub is down",
            [this] { return salvage(common_, allow_unsafe_filesystem_); });
        for (CLI::App* user : {verb, salvage_verb}) {
            user->add_flag("--allow-unsafe-filesystem", allow_unsafe_filesystem_,
                           "Accept a data directory on NFS, SMB, 9p, FUSE or overlayfs");
        }
        CLI::App* explain_verb =
            add(root_, "explain", "What became of the records of one key, or of one event",
                [this] { return explain(common_, explained_); });
        explain_verb->add_option("CONNECTION", explained_.connection, "Where the key's records go")
            ->type_name("");
        explain_verb->add_option("KEY", explained_.key, "As the source's records have it")
            ->type_name("");
        explain_verb->add_option("--event", explained_.event, "Instead: one event, such as 2.3041")
            ->type_name("ID");
        add(root_, "version", "Print the version", [this] { return version(common_); });
    }

    void add_connector_verbs() {
        CLI::App* group = add_group("connectors", "What connectors there are");
        add(*group, "list", "The connectors in the connectors directory, and what was refused",
            [this] { return connectors_list(common_); });
        CLI::App* describe =
            add(*group, "describe", "One connector: streams, settings; its code is not run",
                [this] { return connectors_describe(common_, argument_); });
        describe->add_option("FILE-or-ID", argument_, "A connector's file, or its id")
            ->required()
            ->type_name("");
    }

    void add_letter_verbs() {
        CLI::App* group = add_group(
            "dlq", "Dead letters: records and events that will not be tried again by themselves");
        add(*group, "list", "All of them, oldest first", [this] { return dlq_list(common_); });
        CLI::App* show = add(*group, "show", "One of them with its record or event",
                             [this] { return dlq_show(common_, argument_); });
        show->add_option("ID", argument_, "As `dlq list` shows it")->required()->type_name("");
        CLI::App* edit =
            add(*group, "edit",
                "Correct a record before its replay: its body from standard input, or in an editor",
                [this] { return dlq_edit(common_, edit_); });
        edit->add_option("ID", edit_.id, "As `dlq list` shows it")->required()->type_name("");
        edit->add_option("--file", edit_.file, "Read the new body, a JSON object, from here")
            ->type_name("FILE");
        CLI::App* replay =
            add(*group, "replay",
                "Back to their place; what their key got meanwhile is not overwritten",
                [this] { return dlq_change(common_, LetterVerb::kReplay, selection_); });
        replay->add_flag("--force", selection_.is_forced, "Overwrite what the key got meanwhile");
        CLI::App* discard = add(*group, "discard", "Give them up", [this] {
            return dlq_change(common_, LetterVerb::kDiscard, selection_);
        });
        for (CLI::App* verb : {replay, discard}) {
            verb->add_option("ID", selection_.ids, "As `dlq list` shows them")->type_name("");
            verb->add_flag("--all", selection_.is_all, "Every dead letter");
            verb->add_option("--connection", selection_.connection,
                             "With --all: only those of this connection")
                ->type_name("NAME");
        }
    }

    void add_secret_verbs() {
        CLI::App* group =
            add_group("secrets", "The vault: what `${secret:NAME}` of a configuration stands for");
        CLI::App* init = add(*group, "init", "Make the vault, and its master key",
                             [this] { return secrets_init(common_, master_); });
        CLI::App* set =
            add(*group, "set", "Store a value from standard input; a terminal does not show it",
                [this] { return secrets_set(common_, argument_); });
        add(*group, "list", "Names, versions and times; no values",
            [this] { return secrets_list(common_); });
        CLI::App* remove = add(*group, "remove", "Take one away",
                               [this] { return secrets_remove(common_, argument_); });
        for (CLI::App* verb : {set, remove})
            verb->add_option("NAME", argument_, "As in ${secret:NAME}")->required()->type_name("");
        add(*group, "rotate", "Encrypt every secret anew, with a new key of the vault",
            [this] { return secrets_rotate(common_); });
        CLI::App* rekey = add(*group, "rekey", "Another master key, or passphrase, opens the vault",
                              [this] { return secrets_rekey(common_, master_); });
        for (CLI::App* verb : {init, rekey}) {
            auto* file = verb->add_option("--key-file", master_.key_file,
                                          "A file to be made, for a new master key")
                             ->type_name("FILE");
            verb->add_flag("--passphrase", master_.is_passphrase,
                           "A passphrase instead, from standard input")
                ->excludes(file);
        }
    }

    CLI::App root_{"Syncline keeps records in step between platforms.", "syncline"};
    Common common_;
    bool allow_unsafe_filesystem_ = false;
    std::string argument_;
    LetterEdit edit_;
    LetterSelection selection_;
    MasterOptions master_;
    Explained explained_;
    std::function<int()> action_;
};

}  // namespace

int run_command_line(int argc, const char* const* argv) {
    install_last_words();
    return CommandLine{}.parse_and_run(argc, argv);
}

}  // namespace syncline::app
