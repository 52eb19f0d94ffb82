// The fake host's other services: expressions, files, secrets.
#ifndef SYNCLINE_TESTING_SERVICES_HPP
#define SYNCLINE_TESTING_SERVICES_HPP

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/succession.hpp"
#include "syncline/syncline.h"
#include "syncline/testing/instance.hpp"

namespace syncline::testing {

// What expressions mean: the result, JSON, or a thrown Failure. Compiling evaluates over null
// once; only a Failure of class SYNCLINE_E_CONFIG refuses the expression then.
using Evaluate = std::function<std::string(std::string_view expression, std::string_view input)>;

// A path: ".", ".a", ".a.b".
inline std::string evaluate_path(std::string_view expression, std::string_view input) {
    if (!expression.starts_with('.'))
        throw Failure{SYNCLINE_E_CONFIG, "the fake host knows paths alone"};
    const json::Parsed parsed = json::parse(input);
    if (!parsed) throw Failure{SYNCLINE_E_PERMANENT, "the input is not JSON"};
    std::string pointer{expression == "." ? "" : expression};
    for (char& c : pointer) c = c == '.' ? '/' : c;
    const json::Value* found = parsed.value->at(pointer);
    return found != nullptr ? json::write(*found) : "null";
}

struct Services {
    Evaluate evaluate = evaluate_path;
    std::map<std::string, std::string, std::less<>> secrets = {};  // that the operator has given
    std::optional<State> state = {};  // what an older version hands over
};

namespace fake {

class Expressions {
  public:
    Expressions(Evaluate evaluate, Handles& handles)
        : evaluate_(std::move(evaluate)), handles_(handles) {}

    // What the connector calls.
    syncline_status compile(syncline_str text, syncline_expr_handle* expression,
                            syncline_error* error) {
        try {
            evaluate_(view(text), "null");
        } catch (const Failure& failure) {
            if (failure.failure_class == SYNCLINE_E_CONFIG) return refuse(failure, error);
        }
        *expression = handles_.next();
        compiled_.emplace(*expression, view(text));
        return SYNCLINE_OK;
    }
    syncline_status evaluate(syncline_expr_handle expression, syncline_str input,
                             const syncline_text_sink* sink, syncline_error* error) {
        const auto found = compiled_.find(expression);
        if (found == compiled_.end())
            return refuse({SYNCLINE_E_STALE, "there is no such expression"}, error);
        try {
            const std::string result = evaluate_(found->second, view(input));
            sink->text(sink->context, borrow(result));
            return SYNCLINE_OK;
        } catch (const Failure& failure) {
            return refuse(failure, error);
        }
    }

  private:
    const Evaluate evaluate_;
    Handles& handles_;
    std::map<syncline_expr_handle, std::string> compiled_;
};

// Appends to texts, each of which ends later.
class Files {
  public:
    Files(const Instance& instance, std::map<std::string, std::string>& texts)
        : instance_(instance), texts_(texts) {}

    // SYNCLINE_OK: none fails.
    void fail_appends(Failure failure) { failure_ = std::move(failure); }
    void close() { is_closed_ = true; }

    bool is_append_open() const { return !appends_.empty(); }
    // Ends the oldest open append.
    void finish() {
        const std::uint64_t user_id = appends_.front();
        appends_.pop_front();
        const syncline_error error = detail::to_c(failure_);
        const bool is_ok = failure_.failure_class == SYNCLINE_OK;
        instance_.table<syncline_plugin_file>(SYNCLINE_FILE_ID)
            .done(instance_.self, user_id, is_ok ? nullptr : &error);
    }

    // What the connector calls.
    syncline_status append(syncline_str path, syncline_str bytes, std::uint64_t user_id,
                           syncline_error* error) {
        if (is_closed_) return refuse({SYNCLINE_E_CANCELLED, "it is being stopped"}, error);
        if (failure_.failure_class == SYNCLINE_OK) texts_[std::string{view(path)}] += view(bytes);
        appends_.push_back(user_id);
        return SYNCLINE_OK;
    }

  private:
    const Instance& instance_;
    std::map<std::string, std::string>& texts_;
    std::deque<std::uint64_t> appends_;
    Failure failure_{SYNCLINE_OK, ""};
    bool is_closed_ = false;
};

// Secrets that the manifest declares and the test has given.
class Secrets {
  public:
    using Values = std::map<std::string, std::string, std::less<>>;
    Secrets(Values given, const Instance& instance, Handles& handles,
            std::vector<std::string>& violations)
        : given_(std::move(given)),
          instance_(instance),
          handles_(handles),
          violations_(violations) {}

    // What the connector calls.
    syncline_status find(syncline_str name, syncline_secret_handle* secret, syncline_error* error) {
        const std::string wanted{view(name)};
        if (!is_declared(wanted)) {
            violations_.push_back("the manifest declares no secret \"" + wanted + '"');
            return refuse({SYNCLINE_E_PLUGIN_BUG, violations_.back()}, error);
        }
        if (!given_.contains(wanted))
            return refuse({SYNCLINE_E_CONFIG, "the secret \"" + wanted + "\" is not given"}, error);
        *secret = handles_.next();
        found_.emplace(*secret, wanted);
        return SYNCLINE_OK;
    }
    syncline_status show(syncline_secret_handle handle, const syncline_text_sink* sink,
                         syncline_error* error) {
        const auto found = found_.find(handle);
        if (found == found_.end())
            return refuse({SYNCLINE_E_STALE, "there is no such secret"}, error);
        // A connector that keeps the view instead of the value finds something else there.
        std::string shown = given_.at(found->second);
        sink->text(sink->context, borrow(shown));
        shown.assign(shown.size(), '?');
        return SYNCLINE_OK;
    }

    // No real digest, but one that differs with secret, algorithm and text, and never by chance.
    syncline_status hmac(syncline_secret_handle handle, syncline_digest algorithm,
                         syncline_str bytes, std::uint8_t* digest) {
        const auto found = found_.find(handle);
        if (found == found_.end()) return SYNCLINE_E_STALE;
        const std::size_t size = algorithm == SYNCLINE_SHA1     ? 20
                                 : algorithm == SYNCLINE_SHA256 ? 32
                                                                : 64;
        const std::string text = given_.at(found->second) + '\0' + std::string{view(bytes)};
        std::uint64_t sum = 0xcbf29ce484222325u;
        for (std::size_t i = 0; i < size; ++i) {
            for (const char byte : text)
                sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
            digest[i] = static_cast<std::uint8_t>(sum >> 56);
        }
        return SYNCLINE_OK;
    }

  private:
    bool is_declared(std::string_view name) const {
        const json::Parsed manifest = json::parse(view(instance_.plugin.manifest));
        for (std::size_t i = 0; manifest; ++i) {
            const json::Value* declared =
                manifest.value->at("/secrets/" + std::to_string(i) + "/name");
            if (declared == nullptr || declared->string() == nullptr) return false;
            if (*declared->string() == name) return true;
        }
        return false;
    }

    const Values given_;
    const Instance& instance_;
    Handles& handles_;
    std::vector<std::string>& violations_;
    std::map<syncline_secret_handle, std::string> found_;
};

}  // namespace fake
}  // namespace syncline::testing

#endif
