// What a version hands to the next one: the capabilities "migrate" and "state".
//
//     class Acme final : public syncline::Connector, public syncline::StateKeeper {
//       public:
//         // Version 1 had "url".
//         static json::Value migrate_settings(json::Value settings) {
//             json::Object& own = *settings.object();
//             ...
//             return settings;
//         }
//         State save() override { return {"acme.session", 2, session_}; }
//         Status restore(const State& state) override {
//             if (!state.is("acme.session", 2)) return unknown_state();
//             if (!is_session(state.bytes)) return Failure{SYNCLINE_E_PLUGIN_BUG, "garbled"};
//             session_ = state.bytes;
//             return {};
//         }
//     };
#ifndef SYNCLINE_SUCCESSION_HPP
#define SYNCLINE_SUCCESSION_HPP

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/migrate.h"
#include "syncline/state.h"

namespace syncline {

// A connector that has this static function migrates settings: those that the schema refuses come
// in, those that it accepts go out. Pure. What it throws, a Failure of class SYNCLINE_E_CONFIG at
// best, keeps the account from starting.
template <typename Type>
concept MigratesSettings = requires(json::Value settings) {
    { Type::migrate_settings(settings) } -> std::same_as<json::Value>;
};

struct State {
    std::string schema_id;      // which form the bytes have
    std::uint32_t version = 0;  // of that form
    std::string bytes = {};     // at most 1 MiB

    bool is(std::string_view form, std::uint32_t form_version) const {
        return schema_id == form && version == form_version;
    }
};

// What restore() answers to a state that it does not know: the connector starts without.
inline Failure unknown_state() {
    return {SYNCLINE_E_UNSUPPORTED, "the state is of a form that is not known"};
}

// Implement it next to Connector. Nothing may depend on it.
class StateKeeper {
  public:
    // What the next version may go on with; changes nothing. Throws a Failure when there is none.
    virtual State save() = 0;
    // Between init() and start(). Anything but success and unknown_state() keeps this version out
    // of service.
    virtual Status restore(const State& state) = 0;

  protected:
    ~StateKeeper() = default;
};

namespace detail {

inline State from_c(const syncline_state& raw) {
    return {std::string{view(raw.schema_id)}, raw.version, std::string{view(raw.bytes)}};
}

// Borrows from the state.
inline syncline_state to_c(const State& state) noexcept {
    syncline_state raw{};
    raw.struct_size = sizeof raw;
    raw.version = state.version;
    raw.schema_id = borrow(state.schema_id);
    raw.bytes = borrow(state.bytes);
    return raw;
}

}  // namespace detail
}  // namespace syncline

#endif
