// Recorded exchanges, replayed by the fake host: what a platform really said, without it.
//
//     syncline::testing::Cassette cassette{"fixtures/upload.json"};
//     const auto write = host.write("profiles", records);
//     cassette.replay(host);           // answers what the connector sends, until it sends no more
//     CHECK(cassette.left() == 0);     // and it has sent all of it
//
// A cassette is JSON, written by `syncline connectors record` or by hand:
//
//     {"syncline_cassette": 1, "exchanges": [
//       {"request": {"method": "POST", "url": "https://api.example.com/v1/users",
//                    "headers": {"Content-Type": "application/json"}, "body": {"name": "Ann"}},
//        "response": {"status": 201, "headers": {"retry-after": "7"}, "body": {"id": 7}}},
//       {"request": {"method": "GET", "url": "https://api.example.com/v1/users/7"},
//        "failure": "the connection was reset", "may_have_been_processed": false}]}
//
// A body that is a text is sent and expected as it is; any other value is JSON, compared without
// regard to white space. Of a request's headers only those of the cassette are looked at. Wherever
// the recording has `[redacted]` stood a secret: it stands for any text.
//
// The oldest open exchange is answered first, by the first recorded one that is equal to it and
// was not used; so several that are open at once find their answers, always in the same way.
//
// std::runtime_error tells of a file that is no cassette, and of a request that was not recorded.
#ifndef SYNCLINE_TESTING_CASSETTE_HPP
#define SYNCLINE_TESTING_CASSETTE_HPP

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/json.hpp"
#include "syncline/testing.hpp"

namespace syncline::testing {

class Cassette {
  public:
    explicit Cassette(const std::string& file) : Cassette(text_of(file), file) {}

    // `name` is what errors call it.
    static Cassette parse(std::string_view json, std::string name) {
        return Cassette{json, std::move(name)};
    }

    // Answers the host's open exchanges until none is open.
    void replay(FakeHost& host) {
        for (auto open = host.exchanges(); !open.empty(); open = host.exchanges()) {
            const auto found =
                std::find_if(recorded_.begin(), recorded_.end(),
                             [&](const Recorded& each) { return is_equal(each, open.front()); });
            if (found == recorded_.end()) throw unexpected(open.front());
            const Recorded answer = std::move(*found);
            recorded_.erase(found);
            if (answer.failure.empty()) {
                host.respond(answer.status, answer.body, answer.headers);
            } else {
                host.fail({SYNCLINE_E_TRANSIENT, answer.failure}, answer.may_have_been_processed);
            }
        }
    }

    // Exchanges that were not used.
    std::size_t left() const { return recorded_.size(); }

  private:
    struct Recorded {
        Exchange request;
        int status = 0;
        Headers headers;
        std::string body;
        std::string failure;
        bool may_have_been_processed = false;
    };

    Cassette(std::string_view text, std::string name) : name_(std::move(name)) {
        const json::Parsed parsed = json::parse(text);
        if (!parsed)
            throw bad(std::string{parsed.problem} + " at byte " + std::to_string(parsed.offset));
        const json::Value* version = parsed.value->find("syncline_cassette");
        if (version == nullptr || version->int64() != 1)
            throw bad("it needs \"syncline_cassette\": 1");
        const json::Array* exchanges = parsed.value->find_array("exchanges");
        if (exchanges == nullptr) throw bad("it needs the list 'exchanges'");
        for (const json::Value& each : *exchanges) recorded_.push_back(read(each));
    }

    static std::string text_of(const std::string& file) {
        std::ifstream in{file, std::ios::binary};
        if (!in) throw std::runtime_error(file + ": it can't be read");
        return {std::istreambuf_iterator<char>{in}, {}};
    }

    std::runtime_error bad(const std::string& why) const {
        return std::runtime_error(name_ + ": no cassette: " + why);
    }

    Recorded read(const json::Value& exchange) const {
        const std::string at = "exchange " + std::to_string(recorded_.size() + 1) + ": ";
        const json::Value* request = exchange.find("request");
        const std::string* method = request != nullptr ? request->find_string("method") : nullptr;
        const std::string* url = request != nullptr ? request->find_string("url") : nullptr;
        if (method == nullptr || url == nullptr)
            throw bad(at + "it needs a request with method and url");
        Recorded recorded;
        recorded.request = {*method, *url, body_of(*request), headers_of(*request)};
        if (const std::string* failure = exchange.find_string("failure")) {
            recorded.failure = *failure;
            recorded.may_have_been_processed = exchange.is_true("may_have_been_processed");
            if (!failure->empty()) return recorded;
        }
        const json::Value* response = exchange.find("response");
        const json::Value* status = response != nullptr ? response->find("status") : nullptr;
        if (status == nullptr || !status->int64())
            throw bad(at + "it needs a response with a status, or a failure");
        recorded.status = static_cast<int>(*status->int64());
        recorded.headers = headers_of(*response);
        for (auto& [name, value] : recorded.headers) name = lower(name);  // as the host has them
        recorded.body = body_of(*response);
        return recorded;
    }

    static std::string body_of(const json::Value& message) {
        const json::Value* body = message.find("body");
        if (body == nullptr) return {};
        return body->string() != nullptr ? *body->string() : json::write(*body);
    }

    static Headers headers_of(const json::Value& message) {
        Headers headers;
        const json::Value* found = message.find("headers");
        if (found == nullptr || found->object() == nullptr) return headers;
        for (const auto& [name, value] : *found->object()) {
            if (value.string() != nullptr) headers.emplace_back(name, *value.string());
        }
        return headers;
    }

    static bool is_equal(const Recorded& recorded, const Exchange& sent) {
        const Exchange& wanted = recorded.request;
        const auto is_there = [&](const auto& header) {
            return std::any_of(sent.headers.begin(), sent.headers.end(), [&](const auto& own) {
                return lower(own.first) == lower(header.first) && fits(header.second, own.second);
            });
        };
        return wanted.method == sent.method && fits(wanted.url, sent.url) &&
               std::all_of(wanted.headers.begin(), wanted.headers.end(), is_there) &&
               (fits(wanted.body, sent.body) || fits(compact(wanted.body), compact(sent.body)));
    }

    static std::string lower(std::string text) {
        for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        return text;
    }

    // JSON without white space; anything else as it is.
    static std::string compact(const std::string& text) {
        const json::Parsed parsed = json::parse(text);
        return parsed ? json::write(*parsed.value) : text;
    }

    static bool fits(std::string_view recorded, std::string_view sent) {
        constexpr std::string_view kRedacted = "[redacted]";
        std::size_t hidden = recorded.find(kRedacted);
        if (hidden == std::string_view::npos) return recorded == sent;
        if (!sent.starts_with(recorded.substr(0, hidden))) return false;
        sent.remove_prefix(hidden);
        recorded.remove_prefix(hidden + kRedacted.size());
        for (hidden = recorded.find(kRedacted); hidden != std::string_view::npos;
             hidden = recorded.find(kRedacted)) {
            const std::size_t found = sent.find(recorded.substr(0, hidden));
            if (found == std::string_view::npos) return false;
            sent.remove_prefix(found + hidden);
            recorded.remove_prefix(hidden + kRedacted.size());
        }
        return sent.ends_with(recorded);
    }

    std::runtime_error unexpected(const Exchange& sent) const {
        std::string what = name_ + ": the connector sent" + told(sent);
        if (recorded_.empty()) return std::runtime_error(what + "\nand no exchange is left");
        what += "\nwhich is none of the " + std::to_string(recorded_.size()) +
                " exchanges that are left; the next one is" + told(recorded_.front().request);
        for (const auto& [name, value] : recorded_.front().request.headers)
            what += "\n  " + name + ": " + value;
        return std::runtime_error(what);
    }
    static std::string told(const Exchange& exchange) {
        return "\n  " + exchange.method + " " + exchange.url +
               (exchange.body.empty() ? "" : "\n  " + exchange.body);
    }

    std::string name_;
    std::vector<Recorded> recorded_;
};

}  // namespace syncline::testing

#endif
