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
        add_account_verbs();
        add_connector_verbs();
        add_letter_verbs();
        add_secret_verbs();
        add_auth_verbs();
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
                             [this] { return run(common_, run_); });
        verb->add_flag_callback(
            "--debug", [] { core::set_log_level(core::LogLevel::kDebug); }, "Log more");
        verb->add_flag("--watch", run_.watches_config,
                       "Reload the configuration when its file changes")
            ->envname("SYNCLINE_WATCH");
        CLI::App* reload_verb =
            add(root_, "reload", "Let the running hub take the configuration as it is now",
                [this] { return reload(common_, is_check_); });
        reload_verb->add_flag("--check", is_check_, "Only look whether it would, and what changes");
        add(root_, "validate", "Check the configuration, offline; every problem at once",
            [this] { return validate(common_); });
        add(root_, "test", "Run the mapping tests that the configuration carries, offline",
            [this] { return test(common_); });
        add(root_, "schema", "Print the JSON Schema of the configuration, or of a model of records",
            [this] { return schema(common_, argument_); })
            ->add_option("MODEL", argument_, "A published model, such as profile")
            ->type_name("");
        add(root_, "status", "Ask the running hub for its ledger",
            [this] { return status(common_); });
        add(root_, "doctor", "Check what the hub needs around it; nothing is changed",
            [this] { return doctor(common_); });
        CLI::App* sync_verb =
            add(root_, "sync", "Read a connection's source from the beginning to the end",
                [this] { return sync(common_, argument_); });
        sync_verb->add_option("CONNECTION", argument_, "Its records go to where it leads")
            ->required()
            ->type_name("");
        CLI::App* salvage_verb = add(
            root_, "salvage", "Recover what is intact of a damaged data directory; the hub is down",
            [this] { return salvage(common_, allow_unsafe_filesystem_); });
        CLI::App* backup_verb =
            add(root_, "backup",
                "Copy the data directory into a new folder, whether the hub runs or not",
                [this] { return backup(common_, backup_); });
        backup_verb->add_option("DIR", backup_.folder, "The folder; a data directory by itself")
            ->required()
            ->type_name("");
        backup_verb->add_flag("--verify", backup_.is_verified,
                              "Instead: check that DIR is whole and what was written");
        backup_verb->add_flag("--allow-unsafe-filesystem", backup_.allow_unsafe_filesystem,
                              "Accept a data directory as `run` does");
        for (auto& [user, flag] : {std::pair{verb, &run_.allow_unsafe_filesystem},
                                   std::pair{salvage_verb, &allow_unsafe_filesystem_}}) {
            user->add_flag("--allow-unsafe-filesystem", *flag,
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

    void add_account_verbs() {
        CLI::App* group = add_group("accounts", "What the platforms say of the accounts");
        CLI::App* checked =
            add(*group, "check", "Ask the platform whether an account's credentials are good",
                [this] { return accounts_check(common_, argument_); });
        CLI::App* discovered =
            add(*group, "discover", "Ask the platform which streams and fields an account has",
                [this] { return accounts_discover(common_, argument_); });
        for (CLI::App* verb : {checked, discovered})
            verb->add_option("ACCOUNT", argument_, "As the configuration has it")
                ->required()
                ->type_name("");
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
        // Of the hub alone, so it is not shown.
        CLI::App* probe = add(*group, "probe", "Try a staged library out",
                              [this] { return connectors_probe(argument_); });
        probe->add_option("FILE", argument_)->required();
        probe->group("");
        CLI::App* made = add(*group, "new", "Begin a connector of your own, from a template",
                             [this] { return connectors_new(common_, new_connector_); });
        made->add_option("NAME", new_connector_.name, "Its id, such as fresh-fruit")
            ->required()
            ->type_name("");
        made->add_option("--directory", new_connector_.directory, "The folder to make, if not NAME")
            ->type_name("DIR");
        made->add_option("--template", new_connector_.from,
                         "Another template than the one installed")
            ->type_name("DIR");
        add_version_verbs(*group);
        add_record_verb(*group);
        add_check_verbs(*group);
    }

    void add_version_verbs(CLI::App& group) {
        CLI::App* installed =
            add(group, "install", "Give the running hub a new version, and see what becomes of it",
                [this] { return connectors_install(common_, install_); });
        installed->add_option("FILE", install_.file, "The connector, such as acme.so")
            ->required()
            ->type_name("");
        installed->add_flag("--force", install_.is_forced,
                            "Also a version that was rolled back before");
        CLI::App* back =
            add(group, "rollback", "Back to the version before, without a restart; or end a trial",
                [this] { return connectors_roll_back(common_, argument_); });
        CLI::App* removed =
            add(group, "remove", "Take a connector that no account uses out of the hub",
                [this] { return connectors_remove(common_, argument_); });
        for (CLI::App* verb : {back, removed})
            verb->add_option("ID", argument_, "As `connectors list` shows it")
                ->required()
                ->type_name("");
    }

    void add_record_verb(CLI::App& group) {
        CLI::App* recorded =
            add(group, "record",
                "Let an account's connector write records, and keep its exchanges for tests; no "
                "secrets",
                [this] { return connectors_record(common_, recording_); });
        recorded->add_option("ACCOUNT", recording_.account, "As the configuration has it")
            ->required()
            ->type_name("");
        recorded->add_option("--stream", recording_.stream, "Where the records go")
            ->required()
            ->type_name("NAME");
        recorded
            ->add_option("--records", recording_.records,
                         R"(Lines of JSON: {"op": "upsert", "key": "k", "record": {}})")
            ->required()
            ->type_name("FILE");
        recorded->add_option("--output", recording_.output, "The cassette to write")
            ->required()
            ->type_name("FILE");
    }

    void add_check_verbs(CLI::App& group) {
        CLI::App* check = add(group, "check", "Test a connector: each test in a process of its own",
                              [this] { return connectors_check(common_, check_); });
        check->add_option("--level", check_.level, "Tests up to this level, which has to be passed")
            ->type_name("N")
            ->check(CLI::Range(1, 10))
            ->capture_default_str();
        check->add_option("--test", check_.only, "This test alone")->type_name("NAME");
        check->add_flag("--list", check_.is_list, "Instead: what tests there are");
        check->add_option("--seed", check_.seed, "What chance begins with")
            ->type_name("N")
            ->capture_default_str();
        check
            ->add_option("--reproduce", check_.reproduced,
                         "One test with one seed, as a report says")
            ->type_name("NAME:SEED");
        check->add_option("--format", check_.format, "text, json or junit")
            ->type_name("NAME")
            ->check(CLI::IsMember({"text", "json", "junit"}))
            ->capture_default_str();
        check
            ->add_option("--settings", check_.settings,
                         "The account's settings, JSON; otherwise they are made up")
            ->type_name("FILE");
        check->add_option("--without", check_.without)->group("");
        CLI::App* one = add(group, "check-one", "One test, for `check`",
                            [this] { return connectors_check_one(check_); });
        one->group("");
        one->add_option("--test", check_.only)->required();
        one->add_option("--seed", check_.seed);
        check->add_option("FILE", check_.file, "The connector, such as acme.so")->type_name("");
        one->add_option("FILE", check_.file)->required();
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

    void add_auth_verbs() {
        CLI::App* group = add_group("auth", "What platforms let the hub do for a person");
        CLI::App* login =
            add(*group, "login", "Let a person consent in a browser, and keep the refresh token",
                [this] { return auth_login(common_, login_); });
        login->add_option("ACCOUNT", login_.account, "One with `grant: authorization_code`")
            ->required()
            ->type_name("");
        login->add_flag("!--no-browser", login_.opens_browser, "Only print the address to open");
        login
            ->add_option("--port", login_.port,
                         "The port that the browser comes back to, instead of any free one")
            ->type_name("N")
            ->check(CLI::Range(1, 65535));
    }

    CLI::App root_{"Syncline keeps records in step between platforms.", "syncline"};
    Common common_;
    RunOptions run_;
    bool allow_unsafe_filesystem_ = false;
    bool is_check_ = false;
    std::string argument_;
    NewConnector new_connector_;
    RecordingWish recording_;
    LetterEdit edit_;
    LetterSelection selection_;
    MasterOptions master_;
    LoginOptions login_;
    Explained explained_;
    BackupWish backup_;
    CheckWish check_;
    InstallWish install_;
    std::function<int()> action_;
};

}  // namespace

int run_command_line(int argc, const char* const* argv) {
    install_last_words();
    return CommandLine{}.parse_and_run(argc, argv);
}

}  // namespace syncline::app
