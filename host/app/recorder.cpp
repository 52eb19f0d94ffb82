#include "app/recorder.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/utf8.hpp"
#include "core/redact.hpp"
#include "record/json.hpp"
#include "record/redact.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;

constexpr std::size_t kExchangesMax = 1'000;
constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

// What no connector's behaviour depends on, and what is different each time.
constexpr std::array<std::string_view, 8> kNoise{
    "connection", "content-encoding", "content-length",    "date",
    "keep-alive", "server",           "transfer-encoding", "vary"};

// The text without the white space that JSON does not count.
std::string without_white_space(std::string_view text) {
    std::string result;
    bool is_text = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') is_text = !is_text;
        if (is_text && c == '\\' && i + 1 < text.size()) result += text[i++];
        if (is_text || (c != ' ' && c != '\t' && c != '\r' && c != '\n')) result += text[i];
    }
    return result;
}

// True if something was hidden.
bool hide_named(json::value& value) {
    bool has_any = false;
    if (json::array* list = value.if_array()) {
        for (json::value& item : *list) has_any |= hide_named(item);
    }
    if (json::object* object = value.if_object()) {
        for (auto& [name, member] : *object) {
            const json::string* text = member.if_string();
            const bool is_hidden = text != nullptr && text->size() >= core::kWatchedBytesMin &&
                                   core::is_secret_name(name);
            if (is_hidden) member = core::kRedacted;
            has_any |= is_hidden || hide_named(member);
        }
    }
    return has_any;
}

bool is_form(const plugin::Headers& headers) {
    return std::any_of(headers.begin(), headers.end(), [](const auto& header) {
        return header.second.starts_with("application/x-www-form-urlencoded");
    });
}

// What is not UTF-8 can't stand in JSON, and a part of it would be no body.
json::value body_of(const std::string& body, const plugin::Headers& headers) {
    if (!core::is_utf8(body)) return json::value(core::kRedacted);
    if (is_form(headers)) return json::value(core::redact_query(body));
    auto parsed = record::parse_json(body);
    const bool is_tree = parsed.has_value() && (parsed->is_object() || parsed->is_array());
    if (!is_tree) return json::value(core::redact(body));
    const bool is_exact = record::write_json(*parsed) == without_white_space(body);
    const bool is_hidden = hide_named(*parsed);
    // A tree is for people; but where it would be spelled otherwise, such as 1.50, the text stays.
    if (!is_exact && !is_hidden) return json::value(record::redact_json(body));
    record::redact(*parsed);
    return std::move(*parsed);
}

json::object headers_of(const plugin::Headers& headers) {
    json::object shown;
    for (const auto& [name, value] : headers) {
        if (std::find(kNoise.begin(), kNoise.end(), name) != kNoise.end()) continue;
        shown[core::redact(name)] =
            core::is_secret_name(name) ? std::string{core::kRedacted} : core::redact(value);
    }
    return shown;
}

std::string url_of(const std::string& url) {
    const std::size_t query = std::min(url.find('?'), url.size());
    std::string shown = url.substr(0, query);
    const std::size_t authority = shown.find("://");
    if (authority != std::string::npos) {
        const std::size_t begin = authority + 3;
        const std::size_t at = shown.substr(0, shown.find('/', begin)).rfind('@');
        if (at != std::string::npos && at >= begin)
            shown.replace(begin, at - begin, core::kRedacted);
    }
    shown = core::redact(std::move(shown));
    if (query < url.size())
        shown += "?" + core::redact_query(std::string_view{url}.substr(query + 1));
    return shown;
}

json::object to_json(const plugin::HttpRequest& request) {
    json::object shown{{"method", request.method}, {"url", url_of(request.url)}};
    json::object headers = headers_of(request.headers);
    if (!headers.empty()) shown["headers"] = std::move(headers);
    if (!request.body.empty()) shown["body"] = body_of(request.body, request.headers);
    return shown;
}

json::object to_json(const plugin::HttpReply& reply) {
    json::object shown{{"status", reply.status}};
    json::object headers = headers_of(reply.headers);
    if (!headers.empty()) shown["headers"] = std::move(headers);
    if (!reply.body.empty()) shown["body"] = body_of(reply.body, reply.headers);
    return shown;
}

std::size_t size_of(const plugin::Headers& headers) {
    std::size_t bytes = 0;
    for (const auto& [name, value] : headers) bytes += name.size() + value.size();
    return bytes;
}

}  // namespace

std::uint64_t Recorder::send(plugin::HttpRequest request,
                             std::function<void(plugin::HttpReply)> done) {
    const std::size_t bytes = request.url.size() + request.body.size() + size_of(request.headers);
    std::unique_lock lock{mutex_};
    if (exchanges_.size() == kExchangesMax || bytes_ + bytes > kBytesMax) {
        is_cut_ = true;
        lock.unlock();
        return to_->send(std::move(request), std::move(done));
    }
    bytes_ += bytes;
    const std::size_t index = exchanges_.size();
    exchanges_.push_back({request, {}, false});
    lock.unlock();
    return to_->send(std::move(request), [self = shared_from_this(), index,
                                          tell = std::move(done)](plugin::HttpReply reply) {
        {
            const std::lock_guard held{self->mutex_};
            const std::size_t more = reply.body.size() + size_of(reply.headers);
            if (self->bytes_ + more > kBytesMax) {
                self->is_cut_ = true;
            } else {
                self->bytes_ += more;
                self->exchanges_[index].reply = reply;
                self->exchanges_[index].has_ended = true;
            }
        }
        tell(std::move(reply));
    });
}

json::object Recorder::cassette() const {
    const std::lock_guard lock{mutex_};
    json::array exchanges;
    for (const Exchange& exchange : exchanges_) {
        if (!exchange.has_ended) continue;
        json::object shown{{"request", to_json(exchange.request)}};
        if (exchange.reply.has_response) {
            shown["response"] = to_json(exchange.reply);
        } else {
            shown["failure"] = core::redact(exchange.reply.failure.message);
            shown["may_have_been_processed"] = exchange.reply.may_have_been_processed;
        }
        exchanges.push_back(std::move(shown));
    }
    return {{"syncline_cassette", 1}, {"exchanges", std::move(exchanges)}};
}

bool Recorder::is_cut() const {
    const std::lock_guard lock{mutex_};
    return is_cut_;
}

}  // namespace syncline::app
