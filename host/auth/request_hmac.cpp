#include "auth/request_hmac.hpp"

#include <algorithm>
#include <array>

#include "auth/errc.hpp"
#include "auth/moment.hpp"
#include "auth/static_credential.hpp"
#include "auth/url.hpp"
#include "core/encoding.hpp"

namespace syncline::auth {
namespace {

using Kind = RequestHmac::Kind;
using Template = RequestHmac::Template;

constexpr std::size_t kTemplateBytesMax = 4096;
constexpr std::string_view kHeaderPrefix = "header:";

constexpr std::array<std::pair<std::string_view, Kind>, 15> kPlaceholders{
    {{"method", Kind::kMethod},
     {"host", Kind::kHost},
     {"path", Kind::kPath},
     {"query", Kind::kQuery},
     {"target", Kind::kTarget},
     {"url", Kind::kUrl},
     {"body", Kind::kBody},
     {"body_sha256", Kind::kBodySha256},
     {"timestamp", Kind::kTimestamp},
     {"timestamp_ms", Kind::kTimestampMs},
     {"iso_date", Kind::kIsoDate},
     {"http_date", Kind::kHttpDate},
     {"nonce", Kind::kNonce},
     {"key_id", Kind::kKeyId},
     {"signature", Kind::kSignature}}};

Error invalid_template(std::string what) {
    return {kTemplateInvalid, std::move(what)};
}

Result<RequestHmac::Part> placeholder(std::string_view name) {
    if (name.starts_with(kHeaderPrefix) && is_header_name(name.substr(kHeaderPrefix.size())))
        return RequestHmac::Part{Kind::kHeader, std::string{name.substr(kHeaderPrefix.size())}};
    const auto row =
        std::ranges::find(kPlaceholders, name, &std::pair<std::string_view, Kind>::first);
    if (row == kPlaceholders.end())
        return invalid_template("there is no placeholder {" + std::string{name} + "}");
    return RequestHmac::Part{row->second, {}};
}

Result<Template> parse_template(std::string_view text) {
    if (text.size() > kTemplateBytesMax) return invalid_template("the template is too long");
    Template parts;
    const auto add_text = [&](std::string_view more) {
        if (parts.empty() || parts.back().kind != Kind::kText) parts.push_back({Kind::kText, {}});
        parts.back().text += more;
    };
    while (!text.empty()) {
        const std::size_t brace = std::min(text.find('{'), text.size());
        if (brace > 0) add_text(text.substr(0, brace));
        text.remove_prefix(brace);
        if (text.empty()) break;
        if (text.starts_with("{{")) {
            add_text("{");
            text.remove_prefix(2);
            continue;
        }
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos) return invalid_template("a brace is not closed");
        SYNCLINE_TRY(RequestHmac::Part part, placeholder(text.substr(1, end - 1)));
        parts.push_back(std::move(part));
        text.remove_prefix(end + 1);
    }
    return parts;
}

bool has(const Template& parts, Kind kind) {
    return std::ranges::find(parts, kind, &RequestHmac::Part::kind) != parts.end();
}

// All that placeholders stand for during one attempt.
struct Values {
    const Request& request;
    const UrlParts& url;
    core::WallTime now;
    std::string_view nonce, key_id, signature;

    std::string of(const RequestHmac::Part& part) const {
        switch (part.kind) {
            case Kind::kText:
                return part.text;
            case Kind::kMethod:
                return std::string{request.method};
            case Kind::kHost:
                return url.host;
            case Kind::kPath:
                return std::string{url.path};
            case Kind::kQuery:
                return std::string{url.query};
            case Kind::kTarget:
                return with_query(url.path, url.query);
            case Kind::kUrl:
                return std::string{request.url.substr(0, request.url.find('#'))};
            case Kind::kBody:
                return std::string{request.body};
            case Kind::kBodySha256:
                return core::to_hex(core::sha256(request.body));
            case Kind::kTimestamp:
                return std::to_string(unix_seconds(now));
            case Kind::kTimestampMs:
                return std::to_string(now / 1'000'000);
            case Kind::kIsoDate:
                return iso_date_with_millis(now);
            case Kind::kHttpDate:
                return http_date(now);
            case Kind::kNonce:
                return std::string{nonce};
            case Kind::kKeyId:
                return std::string{key_id};
            case Kind::kHeader:
                return header(part.text);
            case Kind::kSignature:
                return std::string{signature};
        }
        return {};
    }

    std::string header(std::string_view name) const {
        for (const Header& header : request.headers) {
            if (equal_names(header.name, name)) return std::string{trimmed(header.value)};
        }
        return {};
    }

    std::string filled(const Template& parts) const {
        std::string text;
        for (const RequestHmac::Part& part : parts) text += of(part);
        return text;
    }
};

}  // namespace

Result<RequestHmac> RequestHmac::make(RequestHmacOptions options) {
    if (options.key.empty()) return Error(kCredentialInvalid, "the key is empty");
    RequestHmac result;
    SYNCLINE_TRY(result.signed_text_, parse_template(options.signed_text));
    if (result.signed_text_.empty()) return invalid_template("nothing is signed");
    if (has(result.signed_text_, Kind::kSignature))
        return invalid_template("a signature can't sign itself");
    bool is_sent = false;
    for (const Header& header : options.headers) {
        if (!is_header_name(header.name)) return invalid_template("a header has no such name");
        SYNCLINE_TRY(Template value, parse_template(header.value));
        if (has(value, Kind::kBody)) return invalid_template("a body can't stand in a header");
        is_sent = is_sent || has(value, Kind::kSignature);
        result.header_values_.push_back(std::move(value));
    }
    if (!is_sent) return invalid_template("no header has {signature}");
    result.options_ = std::move(options);
    return result;
}

Result<Additions> RequestHmac::sign(const Request& request, core::WallTime now,
                                    std::string_view nonce) const {
    SYNCLINE_TRY(const UrlParts url, parse_url(request.url));
    Values values{request, url, now, nonce, options_.key_id, {}};
    const std::string signature = core::to_text(
        core::hmac(options_.digest, options_.key.reveal(), values.filled(signed_text_)),
        options_.encoding);
    values.signature = signature;
    Additions additions;
    for (std::size_t i = 0; i < header_values_.size(); ++i) {
        core::Secret value{values.filled(header_values_[i])};
        if (!is_header_value(value.reveal()))
            return Error(kRequestUnsignable, "a header of the signature would hold a line break");
        additions.headers.push_back({options_.headers[i].name, std::move(value)});
    }
    return additions;
}

}  // namespace syncline::auth
