// The base class of a connector, and the macro that makes a shared library of it.
//
//     class Acme final : public syncline::Connector, public syncline::BatchWriter {
//         syncline::Status init(const syncline::Settings& settings) override;
//         syncline::Task<> write(syncline::Batch& batch) override;
//     };
//     SYNCLINE_EXPORT_CONNECTOR(Acme, R"json({"id": "acme", ...})json")
//
// What a connector throws never crosses the interface: a Failure keeps its class, everything else
// is SYNCLINE_E_PLUGIN_BUG. Everything is [instance]: one call at a time, no locks needed, and
// nothing may block; to wait is what coroutines are for (task.hpp).
#ifndef SYNCLINE_CONNECTOR_HPP
#define SYNCLINE_CONNECTOR_HPP

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "syncline/ask.hpp"
#include "syncline/blocking.hpp"
#include "syncline/expr.hpp"
#include "syncline/failure.hpp"
#include "syncline/fetch.hpp"
#include "syncline/file.hpp"
#include "syncline/http.hpp"
#include "syncline/ids.hpp"
#include "syncline/manifest_note.hpp"
#include "syncline/periodic.hpp"
#include "syncline/plugin.h"
#include "syncline/read.hpp"
#include "syncline/records.hpp"
#include "syncline/runtime.hpp"
#include "syncline/settings.hpp"
#include "syncline/sign.hpp"
#include "syncline/succession.hpp"
#include "syncline/task.hpp"
#include "syncline/typed_settings.hpp"
#include "syncline/verify.hpp"
#include "syncline/version.h"
#include "syncline/webhook.hpp"
#include "syncline/write.hpp"

namespace syncline {

class Connector {
  public:
    Connector() = default;
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;
    virtual ~Connector() = default;

    virtual Status init(const Settings&) { return {}; }
    // A failure ends what it has spawned.
    virtual Status start() { return {}; }

  protected:
    // The host's services; not before init().
    void log(syncline_severity severity, std::string_view message, LogFields fields = {}) const {
        runtime_->log(severity, message, fields);
    }
    std::int64_t now_ns() const { return runtime_->now_ns(); }
    std::int64_t monotonic_ns() const { return runtime_->monotonic_ns(); }
    // An expression of the settings (expr.hpp). Throws a Failure of class SYNCLINE_E_CONFIG that
    // says where in the text the problem is.
    Expression compile(std::string_view text) const {
        return Expression{*runtime_, runtime_->compile(text)};
    }

    // A secret that the manifest declares (secret.hpp). Throws a Failure: SYNCLINE_E_PLUGIN_BUG
    // when it does not, SYNCLINE_E_CONFIG when the operator has not given it.
    Secret secret(std::string_view name) const {
        return Secret{*runtime_, runtime_->find_secret(name)};
    }

    // The blocking style alone: sends a request and waits for the response. Throws a Failure when
    // none came.
    Response fetch(HttpRequest request) const {
        detail::Scope alone{runtime_};
        detail::Scope* scope = runtime_->blocking_scope;
        return detail::Exchange{scope != nullptr ? *scope : alone, std::move(request)}.fetch();
    }

    // Runs a task that belongs to no batch, up to its first wait; the rest follows by itself. When
    // the connector is stopped its requests end early, and `stopped` waits for its end. What it
    // throws is logged.
    void spawn(Task<> task) { detail::run_alone(*tasks_, *runtime_, 0, std::move(task)); }

  private:
    friend struct ::syncline_instance;
    detail::Runtime* runtime_ = nullptr;
    detail::TaskGroup* tasks_ = nullptr;
};

// A connector whose settings are a struct (typed_settings.hpp). The schema of the manifest is made
// of it: the manifest's text has no "settings".
template <SettingsStruct Own>
class Configured : public Connector {
  public:
    using OwnSettings = Own;

  protected:
    // What is to be made of the settings once, before the account starts; it may change them.
    virtual Status configure(Own&) { return {}; }
    // From configure() on.
    const Own& settings() const { return settings_; }

  private:
    Status init(const Settings& settings) final {
        settings_ = read_settings<Own>(settings.json());
        return configure(settings_);
    }

    Own settings_{};
};

}  // namespace syncline

// The instance that the host passes back.
struct syncline_instance final {
    explicit syncline_instance(const syncline_host* host) : runtime(host) {}
    syncline_instance(const syncline_instance&) = delete;
    syncline_instance& operator=(const syncline_instance&) = delete;
    ~syncline_instance() {
        runtime.close();
        tasks.destroy_all();
    }

    template <typename Type>
    void adopt(std::unique_ptr<Type> made) {
        if constexpr (std::is_base_of_v<syncline::WebhookReceiver, Type>) receiver = made.get();
        if constexpr (std::is_base_of_v<syncline::BatchWriter, Type>) writer = made.get();
        if constexpr (std::is_base_of_v<syncline::RecordFetcher, Type>) fetcher = made.get();
        if constexpr (std::is_base_of_v<syncline::PageReader, Type>) reader = made.get();
        if constexpr (std::is_base_of_v<syncline::CredentialChecker, Type>) checker = made.get();
        if constexpr (std::is_base_of_v<syncline::StreamDiscoverer, Type>) discoverer = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingChecker, Type>)
            blocking_checker = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingDiscoverer, Type>)
            blocking_discoverer = made.get();
        if constexpr (std::is_base_of_v<syncline::PeriodicWorker, Type>) worker = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingPeriodicWorker, Type>)
            blocking_worker = made.get();
        if constexpr (std::is_base_of_v<syncline::RequestSigner, Type>) signer = made.get();
        if constexpr (std::is_base_of_v<syncline::StateKeeper, Type>) state_keeper = made.get();
        if constexpr (std::is_base_of_v<syncline::WebhookVerifier, Type>) verifier = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingWriter, Type>)
            blocking_writer = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingFetcher, Type>)
            blocking_fetcher = made.get();
        if constexpr (std::is_base_of_v<syncline::BlockingReader, Type>)
            blocking_reader = made.get();
        connector = std::move(made);
        connector->runtime_ = &runtime;
        connector->tasks_ = &tasks;
    }
    void settle() { runtime.settle(!tasks.empty()); }

    // Coroutines refer to both of the others: they end first.
    syncline::detail::Runtime runtime;
    std::unique_ptr<syncline::Connector> connector;
    syncline::detail::TaskGroup tasks;
    syncline::WebhookReceiver* receiver = nullptr;
    syncline::BatchWriter* writer = nullptr;
    syncline::RecordFetcher* fetcher = nullptr;
    syncline::PageReader* reader = nullptr;
    syncline::CredentialChecker* checker = nullptr;
    syncline::StreamDiscoverer* discoverer = nullptr;
    syncline::BlockingWriter* blocking_writer = nullptr;
    syncline::BlockingFetcher* blocking_fetcher = nullptr;
    syncline::BlockingReader* blocking_reader = nullptr;
    syncline::BlockingChecker* blocking_checker = nullptr;
    syncline::BlockingDiscoverer* blocking_discoverer = nullptr;
    syncline::PeriodicWorker* worker = nullptr;
    syncline::BlockingPeriodicWorker* blocking_worker = nullptr;
    syncline::RequestSigner* signer = nullptr;
    syncline::StateKeeper* state_keeper = nullptr;
    syncline::WebhookVerifier* verifier = nullptr;
};

namespace syncline::detail {

// Runs what may fail; a failure or an exception goes to `error`.
template <typename Function>
syncline_status guarded(syncline_error* error, Function function) noexcept {
    syncline_error filled = empty_error();
    try {
        const Status status = function();
        if (status.ok()) return SYNCLINE_OK;
        filled = to_c(status.failure());
    } catch (const Failure& failure) {
        filled = to_c(failure);
    } catch (const std::exception& e) {
        fill(filled, SYNCLINE_E_PLUGIN_BUG, e.what());
    } catch (...) {
        fill(filled, SYNCLINE_E_PLUGIN_BUG, "the connector threw something");
    }
    const syncline_status failure_class = filled.failure_class;
    if (error != nullptr && error->struct_size >= SYNCLINE_ERROR_SIZE_1_0) {
        filled.struct_size = error->struct_size;
        *error = filled;
    }
    return failure_class;
}

// The same for init() and start(): after a failure nothing stays open.
template <typename Function>
syncline_status guarded_beginning(syncline_instance& instance, syncline_error* error,
                                  Function function) noexcept {
    const syncline_status status = guarded(error, function);
    if (status != SYNCLINE_OK) instance.tasks.destroy_all();
    return status;
}

// Runs what can't report a failure, then sees whether the instance has come to its end.
template <typename Function>
void guarded(syncline_instance& instance, Function function) noexcept {
    try {
        function();
    } catch (const std::exception& e) {
        instance.runtime.log(SYNCLINE_LOG_PLUGIN_MISBEHAVING, "the connector threw",
                             {{"what", e.what()}});
    } catch (...) {
        instance.runtime.log(SYNCLINE_LOG_PLUGIN_MISBEHAVING, "the connector threw");
    }
    instance.settle();
}

template <typename Type>
struct Thunks {
    static syncline_instance* create(const syncline_host* host) noexcept {
        try {
            auto instance = std::make_unique<syncline_instance>(host);
            instance->adopt(std::make_unique<Type>());
            return instance.release();
        } catch (...) {
            return nullptr;
        }
    }

    static syncline_status init(syncline_instance* instance, syncline_str settings_json,
                                syncline_error* error) noexcept {
        return guarded_beginning(*instance, error, [&]() -> Status {
            if (Status opened = instance->runtime.open(); !opened.ok()) return opened;
            json::Parsed settings = json::parse(view(settings_json));
            if (!settings) {
                return Failure{SYNCLINE_E_HOST_BUG, std::string{"settings: "} + settings.problem};
            }
            return instance->connector->init(Settings{std::move(*settings.value)});
        });
    }

    static syncline_status start(syncline_instance* instance, syncline_error* error) noexcept {
        return guarded_beginning(*instance, error, [&] { return instance->connector->start(); });
    }

    static void stop(syncline_instance* instance) noexcept {
        guarded(*instance, [&] { instance->runtime.stop(); });
    }

    static void posted(syncline_instance* instance, std::uint64_t user_id) noexcept {
        guarded(*instance, [&] { instance->runtime.posted(user_id); });
    }

    static void destroy(syncline_instance* instance) noexcept { delete instance; }

    static syncline_status handshake(syncline_instance* instance,
                                     const syncline_webhook_request* request,
                                     const syncline_reply_sink* sink,
                                     syncline_error* error) noexcept {
        return guarded(error, [&] {
            WebhookReply reply;
            Status status = instance->receiver->handshake(WebhookRequest{*request}, reply);
            if (status.ok()) give(reply, *sink);
            return status;
        });
    }

    static syncline_status answer(syncline_instance* instance,
                                  const syncline_webhook_request* request,
                                  const syncline_answer* outcome, const syncline_reply_sink* sink,
                                  syncline_error* error) noexcept {
        return guarded(error, [&] {
            WebhookReply reply;
            Status status =
                instance->receiver->answer(WebhookRequest{*request}, Answer{*outcome}, reply);
            if (status.ok()) give(reply, *sink);
            return status;
        });
    }

    static void give(const WebhookReply& reply, const syncline_reply_sink& sink) {
        syncline_webhook_reply raw{};
        raw.struct_size = sizeof raw;
        raw.status = reply.status;
        raw.content_type = borrow(reply.content_type);
        raw.body = borrow(reply.body);
        sink.reply(sink.handle, &raw);
    }

    static syncline_status translate(syncline_instance* instance,
                                     const syncline_webhook_request* request,
                                     const syncline_record_sink* sink,
                                     syncline_error* error) noexcept {
        return guarded(error, [&] {
            RecordSink records{*sink};
            return instance->receiver->translate(WebhookRequest{*request}, records);
        });
    }

    // Until it ends, by whatever, requests belong to the scope.
    class BlockingCall {
      public:
        BlockingCall(Runtime& runtime, Scope& scope) : runtime_(runtime) {
            runtime_.blocking_scope = &scope;
        }
        ~BlockingCall() {
            runtime_.blocking_scope = nullptr;
            runtime_.leave_blocking();
        }
        BlockingCall(const BlockingCall&) = delete;
        BlockingCall& operator=(const BlockingCall&) = delete;

      private:
        Runtime& runtime_;
    };

    template <typename View, typename Raw, typename Run>
    static void run_blocking_in(Runtime& runtime, std::uint64_t operation, const Raw& raw,
                                const Run& run) {
        Scope scope{&runtime, operation};
        const BlockingCall call{runtime, scope};
        View batch{scope, raw};
        run_blocking(scope, batch, [&] { run(batch); });
    }

    static syncline_status write(syncline_instance* instance, syncline_write_handle operation,
                                 const syncline_write_batch* batch,
                                 syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            for (std::uint32_t i = 0; i < batch->record_count; ++i) {
                if (batch->records[i]->body_format != SYNCLINE_BODY_JSON) {
                    return Failure{SYNCLINE_E_UNSUPPORTED,
                                   "the bodies are in a format that is not known"};
                }
            }
            Runtime& runtime = instance->runtime;
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingWriter, Type>) {
                run_blocking_in<Batch>(runtime, operation, *batch, [instance](Batch& all) {
                    instance->blocking_writer->write(all);
                });
                return {};
            }
            run_write(instance->tasks, runtime, operation, *instance->writer, *batch);
            if (runtime.leave_write()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    static syncline_status fetch(syncline_instance* instance, syncline_fetch_handle operation,
                                 const syncline_fetch_batch* batch,
                                 syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            Runtime& runtime = instance->runtime;
            if (!runtime.can_fetch())
                return Failure{SYNCLINE_E_UNSUPPORTED, "the host has no table " SYNCLINE_FETCH_ID};
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingFetcher, Type>) {
                run_blocking_in<FetchBatch>(runtime, operation, *batch,
                                            [instance](FetchBatch& all) {
                                                instance->blocking_fetcher->fetch_records(all);
                                            });
                return {};
            }
            run_fetch(instance->tasks, runtime, operation, *instance->fetcher, *batch);
            if (runtime.leave_fetch()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    static syncline_status read(syncline_instance* instance, syncline_read_handle operation,
                                const syncline_read_request* request,
                                syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            Runtime& runtime = instance->runtime;
            if (!runtime.can_read())
                return Failure{SYNCLINE_E_UNSUPPORTED, "the host has no table " SYNCLINE_READ_ID};
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingReader, Type>) {
                run_blocking_in<Page>(runtime, operation, *request, [instance](Page& page) {
                    instance->blocking_reader->read(page);
                });
                return {};
            }
            run_read(instance->tasks, runtime, operation, *instance->reader, *request);
            if (runtime.leave_read()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    // A question to a blocking connector, whose outcome is there when it returns.
    template <typename Run>
    static Status ask_blocking(Runtime& runtime, std::uint64_t operation, const Run& run) {
        Scope scope{&runtime, operation};
        const BlockingCall call{runtime, scope};
        return outcome_of(run);
    }

    static syncline_status check(syncline_instance* instance, syncline_check_handle operation,
                                 std::int64_t, syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            Runtime& runtime = instance->runtime;
            if (!runtime.can_check())
                return Failure{SYNCLINE_E_UNSUPPORTED, "the host has no table " SYNCLINE_CHECK_ID};
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingChecker, Type>) {
                const Status status = ask_blocking(
                    runtime, operation, [&] { return instance->blocking_checker->check(); });
                runtime.check_outcome(operation, status);
                return {};
            }
            run_check(instance->tasks, runtime, operation, *instance->checker);
            if (runtime.leave_check()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    static syncline_status discover(syncline_instance* instance, syncline_discover_handle operation,
                                    std::int64_t, syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            Runtime& runtime = instance->runtime;
            if (!runtime.can_discover())
                return Failure{SYNCLINE_E_UNSUPPORTED,
                               "the host has no table " SYNCLINE_DISCOVER_ID};
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingDiscoverer, Type>) {
                std::string streams;
                const Status status = ask_blocking(runtime, operation, [&]() -> Status {
                    streams = write_streams(instance->blocking_discoverer->discover());
                    return {};
                });
                runtime.discover_outcome(operation, streams, status);
                return {};
            }
            run_discover(instance->tasks, runtime, operation, *instance->discoverer);
            if (runtime.leave_discover()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    static syncline_status verify(syncline_instance* instance,
                                  const syncline_webhook_request* request,
                                  syncline_secret_handle secret, syncline_error* error) noexcept {
        return guarded(error, [&] {
            return instance->verifier->verify(WebhookRequest{*request},
                                              Secret{instance->runtime, secret});
        });
    }

    static syncline_status work(syncline_instance* instance, syncline_periodic_handle operation,
                                std::int64_t due_ns, std::int64_t, syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            Runtime& runtime = instance->runtime;
            if (!runtime.can_work())
                return Failure{SYNCLINE_E_UNSUPPORTED,
                               "the host has no table " SYNCLINE_PERIODIC_ID};
            runtime.enter(operation);
            if constexpr (std::is_base_of_v<BlockingPeriodicWorker, Type>) {
                std::int64_t next_due_ns = SYNCLINE_NO_TIME;
                const Status status = ask_blocking(runtime, operation, [&]() -> Status {
                    next_due_ns = instance->blocking_worker->work(due_ns);
                    return {};
                });
                runtime.work_outcome(operation, next_due_ns, status);
                return {};
            }
            run_work(instance->tasks, runtime, operation, *instance->worker, due_ns);
            if (runtime.leave_work()) return {};
            return Failure{SYNCLINE_E_HOST_BUG, "the host takes no posts"};
        });
    }

    static syncline_status sign(syncline_instance* instance, const syncline_http_request* request,
                                const syncline_header_sink* sink, syncline_error* error) noexcept {
        return guarded(error, [&] {
            OutgoingRequest outgoing{*request, *sink};
            return instance->signer->sign(outgoing);
        });
    }

    static syncline_status migrate(syncline_str settings_json, const syncline_text_sink* sink,
                                   syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            json::Parsed settings = json::parse(view(settings_json));
            if (!settings || settings.value->object() == nullptr)
                return Failure{SYNCLINE_E_CONFIG, "the settings are no object"};
            const std::string migrated =
                json::write(Type::migrate_settings(std::move(*settings.value)));
            sink->text(sink->context, borrow(migrated));
            return {};
        });
    }

    static syncline_status save(syncline_instance* instance, const syncline_state_sink* sink,
                                syncline_error* error) noexcept {
        return guarded(error, [&]() -> Status {
            const State state = instance->state_keeper->save();
            const syncline_state raw = to_c(state);
            sink->state(sink->context, &raw);
            return {};
        });
    }

    static syncline_status restore(syncline_instance* instance, const syncline_state* state,
                                   syncline_error* error) noexcept {
        return guarded(error, [&] { return instance->state_keeper->restore(from_c(*state)); });
    }

    static void cancel_operation(syncline_instance* instance, std::uint64_t operation) noexcept {
        guarded(*instance, [&] { instance->tasks.cancel(operation); });
    }

    static void http_done(syncline_instance* instance, std::uint64_t user_id,
                          const syncline_http_result* result) noexcept {
        guarded(*instance, [&] { instance->runtime.done(user_id, *result); });
    }

    static void file_done(syncline_instance* instance, std::uint64_t user_id,
                          const syncline_error* error) noexcept {
        guarded(*instance, [&] { instance->runtime.appended(user_id, error); });
    }

    static void ids_found(syncline_instance* instance, std::uint64_t user_id,
                          const syncline_str* values, std::uint32_t value_count,
                          const syncline_error* error) noexcept {
        guarded(*instance, [&] { instance->runtime.found(user_id, {values, value_count, error}); });
    }

    static constexpr bool kVerifies = std::is_base_of_v<WebhookVerifier, Type>;
    static constexpr syncline_plugin_webhook kWebhook{
        sizeof(syncline_plugin_webhook), 0,      &handshake, &translate,
        kVerifies ? &verify : nullptr,   &answer};
    static constexpr syncline_plugin_fetch kFetch{sizeof(syncline_plugin_fetch), 0, &fetch,
                                                  &cancel_operation};
    static constexpr syncline_plugin_write kWrite{sizeof(syncline_plugin_write), 0, &write,
                                                  &cancel_operation};
    static constexpr syncline_plugin_read kRead{sizeof(syncline_plugin_read), 0, &read,
                                                &cancel_operation};
    static constexpr syncline_plugin_check kCheck{sizeof(syncline_plugin_check), 0, &check,
                                                  &cancel_operation};
    static constexpr syncline_plugin_discover kDiscover{sizeof(syncline_plugin_discover), 0,
                                                        &discover, &cancel_operation};
    static constexpr syncline_plugin_periodic kPeriodic{sizeof(syncline_plugin_periodic), 0, &work,
                                                        &cancel_operation};
    static constexpr syncline_plugin_sign kSign{sizeof(syncline_plugin_sign), 0, &sign};
    static constexpr syncline_plugin_state kState{sizeof(syncline_plugin_state), 0, &save,
                                                  &restore};
    static constexpr syncline_plugin_http kHttp{sizeof(syncline_plugin_http), 0, &http_done};
    static constexpr syncline_plugin_file kFile{sizeof(syncline_plugin_file), 0, &file_done};
    static constexpr syncline_plugin_idmap kIds{sizeof(syncline_plugin_idmap), 0, &ids_found};

    static const void* get_table(syncline_str id) noexcept {
        const std::string_view wanted = view(id);
        if constexpr (std::is_base_of_v<WebhookReceiver, Type>) {
            if (wanted == SYNCLINE_WEBHOOK_ID) return &kWebhook;
        }
        if constexpr (std::is_base_of_v<BatchWriter, Type> ||
                      std::is_base_of_v<BlockingWriter, Type>) {
            if (wanted == SYNCLINE_WRITE_ID) return &kWrite;
        }
        if constexpr (std::is_base_of_v<RecordFetcher, Type> ||
                      std::is_base_of_v<BlockingFetcher, Type>) {
            if (wanted == SYNCLINE_FETCH_ID) return &kFetch;
        }
        if constexpr (std::is_base_of_v<PageReader, Type> ||
                      std::is_base_of_v<BlockingReader, Type>) {
            if (wanted == SYNCLINE_READ_ID) return &kRead;
        }
        if constexpr (std::is_base_of_v<CredentialChecker, Type> ||
                      std::is_base_of_v<BlockingChecker, Type>) {
            if (wanted == SYNCLINE_CHECK_ID) return &kCheck;
        }
        if constexpr (std::is_base_of_v<StreamDiscoverer, Type> ||
                      std::is_base_of_v<BlockingDiscoverer, Type>) {
            if (wanted == SYNCLINE_DISCOVER_ID) return &kDiscover;
        }
        if constexpr (std::is_base_of_v<PeriodicWorker, Type> ||
                      std::is_base_of_v<BlockingPeriodicWorker, Type>) {
            if (wanted == SYNCLINE_PERIODIC_ID) return &kPeriodic;
        }
        if constexpr (std::is_base_of_v<RequestSigner, Type>) {
            if (wanted == SYNCLINE_SIGN_ID) return &kSign;
        }
        if constexpr (std::is_base_of_v<StateKeeper, Type>) {
            if (wanted == SYNCLINE_STATE_ID) return &kState;
        }
        if constexpr (MigratesSettings<Type>) {
            static constexpr syncline_plugin_migrate kMigrate{sizeof(syncline_plugin_migrate), 0,
                                                              &migrate};
            if (wanted == SYNCLINE_MIGRATE_ID) return &kMigrate;
        }
        if (wanted == SYNCLINE_FILE_ID) return &kFile;
        if (wanted == SYNCLINE_IDMAP_ID) return &kIds;
        return wanted == SYNCLINE_HTTP_ID ? &kHttp : nullptr;
    }
};

template <typename Type>
constexpr syncline_plugin describe(syncline_str manifest) noexcept {
    static_assert(std::is_base_of_v<Connector, Type>,
                  "a connector derives from syncline::Connector");
    using Own = Thunks<Type>;
    return {sizeof(syncline_plugin),
            SYNCLINE_ABI_MAJOR,
            SYNCLINE_ABI_DRAFT,
            0,
            manifest,
            &Own::get_table,
            &Own::create,
            &Own::init,
            &Own::start,
            &Own::stop,
            &Own::posted,
            &Own::destroy};
}

}  // namespace syncline::detail

// Makes a connector of a class; once in a library, at file scope. The manifest is a string literal
// (see manifest.h), without "settings" if the class is Configured<...>.
#define SYNCLINE_EXPORT_CONNECTOR(Type, manifest_json)                                          \
    SYNCLINE_NOTE_ATTRIBUTES static constexpr auto syncline_manifest_note =                     \
        ::syncline::detail::manifest_note<Type, ::syncline::detail::manifest_size<Type>(        \
                                                    manifest_json)>(manifest_json);             \
    const syncline_plugin syncline_plugin_v1 = ::syncline::detail::describe<Type>(syncline_str{ \
        syncline_manifest_note.description, syncline_manifest_note.description_size - 1});

#endif
