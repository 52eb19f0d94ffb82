#include "http_server/response.hpp"
#include "http_server/server.hpp"
#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

// `application/x-www-form-urlencoded`; a malformed percent sign stands for itself.
std::string decode_query(std::string_view raw) {
    if (raw.find_first_of("%+") == raw.npos) return std::string{raw};
    std::string text;
    text.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (const auto byte = decode_percent(raw.substr(i))) {
            text += *byte;
            i += 2;
        } else {
            text += raw[i] == '+' ? ' ' : raw[i];
        }
    }
    return text;
}

// Takes what stands before the next `&` off the query.
std::string_view next_pair(std::string_view& query) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    return pair;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
    for (const auto& [field, value] : headers) {
        if (field == name) return value;
    }
    return {};
}

std::string Request::query_parameter(std::string_view name) const {
    std::vector<std::string> values = query_values(query, name);
    return values.empty() ? std::string{} : std::move(values.front());
}

void Request::erase_query_parameter(std::string_view name) {
    std::string kept;
    for (std::string_view rest = query; !rest.empty();) {
        const std::string_view pair = next_pair(rest);
        if (decode_query(pair.substr(0, pair.find('='))) == name) continue;
        if (!kept.empty()) kept += '&';
        kept += pair;
    }
    query = std::move(kept);
}

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
    std::vector<std::string> values;
    while (!query.empty()) {
        const std::string_view pair = next_pair(query);
        const std::size_t equals = pair.find('=');
        if (decode_query(pair.substr(0, equals)) != name) continue;
        values.push_back(equals == pair.npos ? std::string{}
                                             : decode_query(pair.substr(equals + 1)));
    }
    return values;
}

Responder::~Responder() {
    if (exchange_) exchange_->respond(make_error(500, "The request was dropped."));
}

void Responder::operator()(Response response) {
    const std::shared_ptr<Exchange> exchange = std::move(exchange_);
    if (exchange) exchange->respond(std::move(response));
}

}  // namespace syncline::http_server
