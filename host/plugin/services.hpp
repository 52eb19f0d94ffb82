// What the plugin module needs from outside; bound by app, so that tests need no network.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "plugin/calls.hpp"

namespace syncline::plugin {

struct HttpRequest {
    std::string method, url;
    Headers headers;
    std::string body;
    std::chrono::milliseconds timeout{30'000};
};

struct HttpReply {
    bool has_response = false;
    int status = 0;
    Headers headers;  // names in lower case
    std::string body;
    Failure failure;  // when there is no response
    bool may_have_been_processed = false;
};

// Concurrency: all methods [any].
struct HttpTransport {
    virtual ~HttpTransport() = default;
    // Completes exactly once, on any thread, never from inside the call. Returns an id for
    // cancel(), never 0.
    virtual std::uint64_t send(HttpRequest request, std::function<void(HttpReply)> done) = 0;
    virtual void cancel(std::uint64_t id) = 0;
};

// Expressions of connectors. Concurrency: [any].
struct Expressions {
    // Evaluates over a JSON text; the result is JSON.
    using Program = std::function<Result<std::string>(std::string_view input_json)>;
    virtual ~Expressions() = default;
    virtual Result<Program> compile(std::string_view text) = 0;
};

// Files that connectors append to. Concurrency: all methods [any].
struct FileAppender {
    virtual ~FileAppender() = default;
    // Completes exactly once, on any thread, never from inside the call, after the bytes are
    // durable. Appends to one file are done in order. False, and no completion, when too much is
    // waiting for the disk.
    virtual bool append(std::filesystem::path file, std::string bytes,
                        std::function<void(Result<void>)> done) = 0;
};

// The id map of one account. Concurrency: [any].
struct IdMap {
    virtual ~IdMap() = default;
    // The values in the order of the keys, "" for one that is not mapped. Completes exactly once,
    // on any thread, never from inside the call.
    virtual void get(std::string name_space, std::vector<std::string> keys,
                     std::function<void(Result<std::vector<std::string>>)> done) = 0;
};

}  // namespace syncline::plugin
