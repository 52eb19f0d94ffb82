// Requests that the connector signs itself, on their way out.
#include <algorithm>
#include <utility>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {
namespace {

constexpr std::size_t kSignatureHeadersMax = 20;

// Where sign() puts its headers.
struct HeaderSink {
    Headers headers;
    Problem problem;
};

void SYNCLINE_CALL take_header(void* context, syncline_str name, syncline_str value) noexcept {
    auto& sink = *static_cast<HeaderSink*>(context);
    try {
        std::pair<std::string, std::string> header;
        if (sink.problem.empty()) sink.problem = copy_header({name, value}, header);
        if (!sink.problem.empty()) return;
        sink.headers.push_back(std::move(header));
        if (sink.headers.size() > kSignatureHeadersMax)
            sink.problem = "a signature has more than 20 headers";
    } catch (const std::exception&) {
        sink.problem = "there is no memory for a header";
    }
}

bool is_same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Failure LiveInstance::sign(HttpRequest& request) {
    const syncline_plugin_sign* table = generation_->tables().sign;
    if (table == nullptr) return {};
    std::vector<syncline_pair> pairs;
    for (const auto& [name, value] : request.headers)
        pairs.push_back({to_str(name), to_str(value)});
    syncline_http_request view{};
    view.struct_size = sizeof view;
    view.header_count = static_cast<std::uint32_t>(pairs.size());
    view.method = to_str(request.method);
    view.url = to_str(request.url);
    view.headers = pairs.data();
    view.body = to_str(request.body);
    view.timeout_ms = request.timeout.count();
    HeaderSink headers;
    const syncline_header_sink sink{sizeof sink, 0, &headers, take_header};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    is_signing_ = true;
    const bool has_returned =
        call_connector("sign()", [&] { status = table->sign(instance_, &view, &sink, &error); });
    is_signing_ = false;
    if (has_returned && status != SYNCLINE_OK) return copy_failure(status, error);
    if (!has_returned) headers.problem = "an exception escaped from sign()";
    if (!headers.problem.empty()) {
        misbehaved(headers.problem);
        return {FailureClass::kPluginBug, headers.problem, "", -1};
    }
    for (auto& header : headers.headers) {
        std::erase_if(request.headers,
                      [&](const auto& other) { return is_same_name(other.first, header.first); });
        request.headers.push_back(std::move(header));
    }
    return {};
}

}  // namespace syncline::plugin
