#include "http_server/negotiation.hpp"

#include <algorithm>
#include <optional>

#include "http_server/text.hpp"

namespace syncline::http_server {
namespace {

// Thousandths, as the grammar has three digits.
using Quality = int;
constexpr Quality kBest = 1000;

// Takes the next element of a list off `rest`.
std::string_view next_of(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view element = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    return trim(element);
}

// `0`, `0.5`, `1.000`; RFC 9110 section 12.4.2.
std::optional<Quality> parse_quality(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    Quality quality = text[0] == '1' ? kBest : 0;
    Quality weight = 100;
    for (std::size_t i = 2; i < text.size(); ++i, weight /= 10) {
        if (!is_digit(text[i])) return std::nullopt;
        quality += (text[i] - '0') * weight;
    }
    if (quality > kBest) return std::nullopt;
    return quality;
}

// The quality among the parameters of an element; empty when it is malformed. Other parameters are
// passed over.
std::optional<Quality> quality_of(std::string_view parameters) {
    std::optional<Quality> quality = kBest;
    while (!parameters.empty()) {
        const std::string_view parameter = next_of(parameters, ';');
        if (parameter.size() >= 2 && to_lower(parameter[0]) == 'q' && parameter[1] == '=') {
            quality = parse_quality(parameter.substr(2));
        }
    }
    return quality;
}

// Calls `visit(name, quality)` for each element that is well-formed.
template <class Visit>
void for_each_choice(std::string_view list, Visit visit) {
    while (!list.empty()) {
        std::string_view parameters = next_of(list, ',');
        const std::string_view name = next_of(parameters, ';');
        const std::optional<Quality> quality = quality_of(parameters);
        if (!name.empty() && quality) visit(name, *quality);
    }
}

// What a client thinks of one thing: what names it most closely counts.
class Opinion {
  public:
    void add(int closeness, Quality quality) {
        if (closeness < closeness_) return;
        // Two fields that say different things: the better one, whatever their order.
        quality_ = closeness == closeness_ ? std::max(quality_, quality) : quality;
        closeness_ = closeness;
    }
    bool is_given() const { return closeness_ > 0; }
    Quality quality() const { return quality_; }

  private:
    int closeness_ = 0;
    Quality quality_ = 0;
};

struct Opinions {
    Opinion gzip, deflate, identity;
    Opinion json, text;

    void add_codings(std::string_view list) {
        for_each_choice(list, [this](std::string_view name, Quality quality) {
            if (name == "*") {
                for (Opinion* each : {&gzip, &deflate}) each->add(1, quality);
            } else if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) {
                gzip.add(2, quality);
            } else if (equals_ignoring_case(name, "deflate")) {
                deflate.add(2, quality);
            } else if (equals_ignoring_case(name, "identity")) {
                identity.add(2, quality);
            }
        });
    }

    void add_types(std::string_view list) {
        for_each_choice(list, [this](std::string_view name, Quality quality) {
            if (name == "*/*") {
                for (Opinion* each : {&json, &text}) each->add(1, quality);
            } else if (equals_ignoring_case(name, "application/*")) {
                json.add(2, quality);
            } else if (equals_ignoring_case(name, "text/*")) {
                text.add(2, quality);
            } else if (equals_ignoring_case(name, "application/json")) {
                json.add(3, quality);
            } else if (equals_ignoring_case(name, "text/plain")) {
                text.add(3, quality);
            }
        });
    }

    Coding coding() const {
        const bool is_gzip = gzip.quality() >= deflate.quality();
        const Quality best = is_gzip ? gzip.quality() : deflate.quality();
        // Not to be named is to be the last resort.
        if (best == 0 || (identity.is_given() && identity.quality() > best)) {
            return Coding::kIdentity;
        }
        return is_gzip ? Coding::kGzip : Coding::kDeflate;
    }
};

const char* name_of(Coding coding) {
    return coding == Coding::kGzip ? "gzip" : "deflate";
}

bool has_header(const Response& response, std::string_view lower_name) {
    return std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& header) {
        return equals_ignoring_case(header.first, lower_name);
    });
}

void use_text(Response& response) {
    std::erase_if(response.headers, [](const auto& header) {
        return equals_ignoring_case(header.first, "content-type");
    });
    response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(response.text);
    response.body += '\n';
}

}  // namespace

Preferences preferences_of(const Headers& headers) {
    constexpr std::string_view kAccept = "accept";
    constexpr std::string_view kAcceptEncoding = "accept-encoding";
    Opinions opinions;
    for (const auto& [name, value] : headers) {
        if (name == kAccept) opinions.add_types(value);
        if (name == kAcceptEncoding) opinions.add_codings(value);
    }
    return {opinions.coding(), opinions.text.quality() > opinions.json.quality()};
}

Response suited(Response response, const Preferences& preferences) {
    std::string vary;
    if (!response.text.empty()) {
        vary = "Accept";
        if (preferences.plain_text) use_text(response);
    }
    const std::size_t size = response.body.size();
    if (size >= kEncodeBytesMin && size <= kEncodeBytesMax &&
        !has_header(response, "content-encoding")) {
        vary += vary.empty() ? "Accept-Encoding" : ", Accept-Encoding";
        if (auto encoded = encode(preferences.coding, response.body)) {
            response.body = std::move(*encoded);
            response.headers.emplace_back("Content-Encoding", name_of(preferences.coding));
        }
    }
    if (!vary.empty()) response.headers.emplace_back("Vary", vary);
    return response;
}

}  // namespace syncline::http_server
