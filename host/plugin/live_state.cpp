// What an instance hands to its successor, and takes from its predecessor.
#include <utility>

#include "core/log.hpp"
#include "plugin/live_instance.hpp"

namespace syncline::plugin {
namespace {

// Where save() puts the state.
struct StateSink {
    HandedState state;
    Problem problem = "save() gave no state";
    std::size_t states = 0;
};

void SYNCLINE_CALL take_state(void* context, const syncline_state* state) noexcept {
    auto& sink = *static_cast<StateSink*>(context);
    try {
        sink.problem = ++sink.states > 1 ? "save() gave two states" : copy_state(state, sink.state);
    } catch (const std::exception&) {
        sink.problem = "there is no memory for the state";
    }
}

}  // namespace

void LiveInstance::save_state(std::function<void(SavedState)> done) {
    enqueue([this, done](std::uint64_t call) { run_save(call, done); },
            [done](Failure failure) {
                done({std::move(failure), {}});
            });
}

void LiveInstance::run_save(std::uint64_t call, const std::function<void(SavedState)>& done) {
    const syncline_plugin_state* table = generation_->tables().state;
    if (table == nullptr) {
        if (finish(call)) Instance::save_state(done);
        return;
    }
    StateSink sink;
    const syncline_state_sink raw{sizeof raw, 0, &sink, take_state};
    syncline_error error = empty_error();
    syncline_status status = SYNCLINE_OK;
    const OnBehalf behalf{*this, 0};
    const bool has_returned =
        call_connector("save()", [&] { status = table->save(instance_, &raw, &error); });
    SavedState saved;
    if (has_returned && status != SYNCLINE_OK) {
        saved.failure = copy_failure(status, error);
    } else if (!has_returned || !sink.problem.empty()) {
        const Problem rule = has_returned ? sink.problem : "an exception escaped from save()";
        saved.failure = {FailureClass::kPluginBug, rule, "", -1};
        misbehaved(rule);
    } else {
        saved.state = std::move(sink.state);
    }
    if (finish(call)) done(std::move(saved));
}

// Between init() and start(). A state that the connector does not know is none.
syncline_status LiveInstance::restore_state(syncline_error& error) {
    const std::shared_ptr<const HandedState> given = std::exchange(options_.state, nullptr);
    const syncline_plugin_state* table = generation_->tables().state;
    if (given == nullptr || table == nullptr) return SYNCLINE_OK;
    syncline_state state{};
    state.struct_size = sizeof state;
    state.version = given->version;
    state.schema_id = to_str(given->schema_id);
    state.bytes = to_str(given->bytes);
    const syncline_status status = table->restore(instance_, &state, &error);
    if (status != SYNCLINE_E_UNSUPPORTED) return status;
    core::log_info(channel_, "the state of the version before is not known to this one",
                   {{"account", options_.account},
                    {"form", given->schema_id},
                    {"form_version", given->version}});
    error = empty_error();
    return SYNCLINE_OK;
}

}  // namespace syncline::plugin
