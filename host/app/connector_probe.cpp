#include "app/connector_probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "app/expressions.hpp"
#include "app/verbs.hpp"
#include "auth/secret_json.hpp"
#include "checker/process_facts.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"
#include "core/secret.hpp"
#include "plugin/errc.hpp"
#include "plugin/probe.hpp"
#include "record/locked_object.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kVerdictBytesMax = 64 * 1024;
constexpr std::size_t kQuestionBytesMax = 64 * 1024 * 1024;
constexpr milliseconds kLookForStop{50};

Error probe_failed(std::string what) {
    return Error{plugin::kProbeFailed, std::move(what)};
}

struct Descriptor {
    int fd = -1;
    ~Descriptor() { close(); }
    void close() {
        if (fd >= 0) ::close(std::exchange(fd, -1));
    }
};

// ---- The process that asks

core::Secret question(const std::vector<plugin::InstanceOptions>& accounts) {
    const json::storage_ptr memory = record::locked_storage();
    json::array list(memory);
    for (const plugin::InstanceOptions& account : accounts) {
        json::object secrets(memory);
        for (const auto& [name, secret] : account.secrets) secrets[name] = secret.reveal();
        json::object one(memory);
        one["account"] = account.account;
        one["settings"] = account.settings;
        one["secrets"] = std::move(secrets);
        if (account.state != nullptr) {
            one["state"] = json::array({account.state->schema_id, account.state->version,
                                        core::to_hex(account.state->bytes)},
                                       memory);
        }
        list.push_back(std::move(one));
    }
    json::object whole(memory);
    whole["accounts"] = std::move(list);
    return auth::SecretJson{std::move(whole)}.text();
}

class Child {
  public:
    // Errors: `plugin.probe_failed`.
    Result<void> start(const std::filesystem::path& library) {
        int in[2], out[2];
        if (::pipe2(in, O_CLOEXEC) != 0) return cant_start(errno);
        Descriptor in_read{in[0]};
        in_.fd = in[1];
        if (::pipe2(out, O_CLOEXEC) != 0) return cant_start(errno);
        Descriptor out_write{out[1]};
        out_.fd = out[0];
        for (const int fd : {in_.fd, out_.fd}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in_read.fd, STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, out_write.fd, STDOUT_FILENO);
        ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        std::string words[] = {"syncline", "connectors", "probe", library.string()};
        char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                             nullptr};
        const int error =
            ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (error != 0) {
            pid_ = -1;
            return cant_start(error);
        }
        return {};
    }

    ~Child() {
        if (pid_ > 0) end();
    }

    // What it says until it ends; false when it did not in time.
    bool talk(std::string_view question, std::string& answer, steady_clock::time_point until,
              const std::stop_token& stop) {
        while (steady_clock::now() < until && !stop.stop_requested()) {
            pollfd ready[] = {{out_.fd, POLLIN, 0}, {in_.fd, POLLOUT, 0}};
            ::poll(ready, in_.fd >= 0 ? 2 : 1, static_cast<int>(kLookForStop.count()));
            if (in_.fd >= 0 && ready[1].revents != 0) say(question);
            if (ready[0].revents != 0 && has_ended(answer)) return true;
        }
        return false;
    }

    // Its status, after it was killed if it is still there.
    int end() {
        ::kill(pid_, SIGKILL);
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

    // Its status; it has closed its standard output and ends by itself.
    std::optional<int> wait(steady_clock::time_point until) {
        while (steady_clock::now() < until) {
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return status;
            }
            ::poll(nullptr, 0, 1);
        }
        return std::nullopt;
    }

  private:
    static Error cant_start(int error) {
        return probe_failed(std::string{"can't start the process that tries it out: "} +
                            std::strerror(error));
    }

    void say(std::string_view& question) {
        const ssize_t count = ::write(in_.fd, question.data(), question.size());
        if (count > 0) question.remove_prefix(static_cast<std::size_t>(count));
        const bool is_broken = count < 0 && errno != EAGAIN && errno != EINTR;
        if (question.empty() || is_broken) in_.close();
    }

    bool has_ended(std::string& answer) {
        char bytes[4096];
        const ssize_t count = ::read(out_.fd, bytes, sizeof bytes);
        if (count < 0) return errno != EAGAIN && errno != EINTR;
        const std::size_t room = kVerdictBytesMax - answer.size();
        answer.append(bytes, std::min(room, static_cast<std::size_t>(count)));
        return count == 0;
    }

    Descriptor in_, out_;
    pid_t pid_ = -1;
};

// The last line: code of a library may write lines of its own before.
Result<void> understand(std::string_view answer, int status) {
    if (WIFSIGNALED(status)) {
        return probe_failed(std::string{"it crashed the process that tried it out: "} +
                            ::strsignal(WTERMSIG(status)));
    }
    while (answer.ends_with('\n')) answer.remove_suffix(1);
    answer.remove_prefix(answer.rfind('\n') + 1);
    boost::system::error_code error;
    const json::value said = json::parse(answer, error);
    if (error || !said.is_object())
        return probe_failed("the process that tried it out gave no answer");
    const json::value* what = said.get_object().if_contains("error");
    if (what != nullptr && what->is_string()) return probe_failed(std::string{what->get_string()});
    if (WEXITSTATUS(status) != 0)
        return probe_failed("the process that tried it out failed at its end");
    return {};
}

Result<void> probe(const std::filesystem::path& library,
                   const std::vector<plugin::InstanceOptions>& accounts, milliseconds limit,
                   const std::stop_token& stop) {
    const core::Secret asked = question(accounts);
    const auto until = steady_clock::now() + limit;
    Child child;
    SYNCLINE_CHECK(child.start(library));
    std::string answer;
    if (child.talk(asked.reveal(), answer, until, stop)) {
        if (const auto status = child.wait(until)) return understand(answer, *status);
    }
    if (stop.stop_requested()) return probe_failed("the hub is ending");
    return probe_failed("trying it out did not end within " + std::to_string(limit.count() / 1000) +
                        " s: it hangs");
}

// ---- The process that is asked

Result<core::Secret> read_question() {
    std::string text;
    char bytes[4096];
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(bytes, static_cast<std::size_t>(count));
        if (text.size() > kQuestionBytesMax) return probe_failed("there are too many settings");
    }
    return core::Secret::take(text);
}

// [form, version, bytes in hexadecimal]
std::shared_ptr<const plugin::HandedState> read_state(const json::array& from) {
    auto state = std::make_shared<plugin::HandedState>();
    state->schema_id = from.at(0).as_string();
    state->version = from.at(1).to_number<std::uint32_t>();
    const json::string& hex = from.at(2).as_string();
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        state->bytes += static_cast<char>(std::stoi(std::string{hex.subview(i, 2)}, nullptr, 16));
    return state;
}

Result<std::vector<plugin::InstanceOptions>> read_accounts() {
    SYNCLINE_TRY(const core::Secret text, read_question());
    const auto question = auth::SecretJson::parse(text.reveal(), 70);
    const json::value* list = question ? question->object().if_contains("accounts") : nullptr;
    if (list == nullptr || !list->is_array()) return probe_failed("no accounts on standard input");
    std::vector<plugin::InstanceOptions> accounts;
    for (const json::value& value : list->get_array()) {
        plugin::InstanceOptions account;
        const json::object& one = value.as_object();
        account.account = one.at("account").as_string();
        account.settings = one.at("settings").as_object();
        for (const auto& [name, secret] : one.at("secrets").as_object())
            account.secrets.emplace(name, core::Secret{std::string_view{secret.as_string()}});
        if (const json::value* state = one.if_contains("state"))
            account.state = read_state(state->as_array());
        account.expressions = make_expressions();
        accounts.push_back(std::move(account));
    }
    return accounts;
}

Result<void> run_probe(const std::filesystem::path& library) {
    SYNCLINE_TRY(auto accounts, read_accounts());
    const checker::ProcessFacts before = checker::ProcessFacts::now();
    SYNCLINE_CHECK(plugin::probe_library(library, std::move(accounts), core::system_clock()));
    // What would change for the whole hub.
    const checker::ProcessFacts after = checker::ProcessFacts::now();
    for (const std::string& left :
         {before.handlers_difference(after), before.surroundings_difference(after)})
        if (!left.empty()) return probe_failed("it " + left);
    return {};
}

}  // namespace

plugin::Probe make_probe(milliseconds limit) {
    return [limit](const std::filesystem::path& library,
                   const std::vector<plugin::InstanceOptions>& accounts,
                   const std::stop_token& stop) { return probe(library, accounts, limit, stop); };
}

int connectors_probe(const std::string& library) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // who asked is gone: nobody wants to know
    core::protect_memory();
    const Result<void> result = run_probe(library);
    json::object answer;
    if (!result) answer["error"] = result.error().to_string();
    std::printf("%s\n", json::serialize(answer).c_str());
    return result ? 0 : static_cast<int>(result.error().exit_code());
}

}  // namespace syncline::app
