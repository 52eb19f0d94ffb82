// One account that a connector serves. The C ABI stays behind this header.
//
// Words: a *connector* is a shared library with an id; a *generation* is one loaded version of it,
// with a thread of its own; an *instance* is one account served by a generation.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/secret.hpp"
#include "plugin/calls.hpp"
#include "plugin/manifest.hpp"
#include "plugin/services.hpp"
#include "record/locked_object.hpp"

namespace syncline::plugin {

class OwnIds;
class Pacer;

struct InstanceOptions {
    std::string account;                  // for logs
    record::LockedObject settings;        // validated against the manifest's schema by start()
    std::shared_ptr<HttpTransport> http;  // of this account
    // What the operator has given of the manifest's secrets, by name.
    std::map<std::string, core::Secret, std::less<>> secrets{};
    // Of a blocking connector: how many operations may be under way at once, at most 16.
    std::uint32_t concurrency = 4;
    // Null: connectors find no such service.
    std::shared_ptr<Expressions> expressions{};
    std::shared_ptr<FileAppender> files{};
    std::shared_ptr<IdMap> ids{};  // of this account
    // What connections use of it: a new version has to have these streams as they are.
    std::set<std::string> streams{};
    // Ids that were put and are not in `ids` yet; the catalog makes one for all instances that
    // serve the account, one after the other.
    std::shared_ptr<OwnIds> own_ids{};
    // Of the account's requests; made as `own_ids` is.
    std::shared_ptr<Pacer> pacer{};
    // What the version before has handed over; null for none, which is no failure.
    std::shared_ptr<const HandedState> state{};
};

// One account, on whatever generation serves it. Calls are queued to the generation's thread;
// completions run on that thread and must not block. Every call completes exactly once, also when
// the instance is stopped meanwhile. When the generation's thread is stuck in the connector,
// completions run on the catalog's own thread instead; after the catalog's end, inside the call.
// Concurrency: [any].
class Instance {
  public:
    virtual ~Instance() = default;
    virtual const Manifest& manifest() const = 0;

    virtual void handshake(WebhookRequest request,
                           std::function<void(Failure, WebhookReply)> done) = 0;
    // Translates events in order; one translation each. No I/O happens.
    virtual void translate(std::vector<std::shared_ptr<const WebhookRequest>> requests,
                           std::function<void(std::vector<Translation>)> done) = 0;
    // Writes one batch. Past the timeout the host cancels; what then has no outcome is kUnknown.
    virtual void write(WriteBatch batch, std::function<void(WriteResult)> done) = 0;

    // What a connector need not have; without, the calls complete with kUnsupported.
    // Reads one batch by key; one result for each request.
    virtual void fetch(FetchBatch batch, std::function<void(std::vector<FetchResult>)> done);
    // Reads one page. Past the timeout the host cancels.
    virtual void read(ReadRequest request, std::function<void(ReadResult)> done);
    // Are the account's credentials good? kNone: they are.
    virtual void check(std::chrono::milliseconds timeout, std::function<void(Failure)> done);
    // Streams and fields of the account: JSON, [{"name", "title", "fields": [...]}].
    virtual void discover(std::chrono::milliseconds timeout,
                          std::function<void(Failure, std::string)> done);
    // One turn of the connector's own work. `due_ns`: none for the first one of the account.
    virtual void work(std::optional<std::int64_t> due_ns, std::chrono::milliseconds timeout,
                      std::function<void(WorkResult)> done);
    // What the next version may go on with; the instance serves on.
    virtual void save_state(std::function<void(SavedState)> done);
    // Is the request authentic by the platform's own scheme? kNone: it is. The secret may be empty.
    virtual void verify(WebhookRequest request, core::Secret secret,
                        std::function<void(Failure)> done);
    // Words the answer for a sender who waits for the outcome.
    virtual void answer(WebhookRequest request, Answer outcome,
                        std::function<void(Failure, WebhookReply)> done);

    // How often the connector broke a rule of the interface.
    virtual std::uint64_t misbehaviours() const { return 0; }

    // How many calls had to be given up: cancelled at their deadline, they did not end.
    virtual std::uint64_t overdue() const { return 0; }

    // Cancels what is open, lets the connector report `stopped`, destroys. Completes once, after
    // every other completion. Past the deadline the generation is marked stuck and never unloaded.
    virtual void stop(std::chrono::milliseconds deadline, std::function<void()> stopped) = 0;
};

}  // namespace syncline::plugin
