// Expressions of the settings, in the hub's subset of jq.
//
//     Status init(const Settings& settings) override {
//         key_ = compile(settings.text("key"));               // ".shop + \"/\" + .id"
//         return {};
//     }
//     ...
//     const json::Value key = key_.evaluate(request.body());  // throws a Failure
#ifndef SYNCLINE_EXPR_HPP
#define SYNCLINE_EXPR_HPP

#include <string>
#include <string_view>
#include <utility>

#include "syncline/expr.h"
#include "syncline/failure.hpp"
#include "syncline/json.hpp"
#include "syncline/runtime.hpp"

namespace syncline {

// Made by Connector::compile(); valid as long as the connector. Cheap to copy.
class Expression {
  public:
    Expression() = default;
    Expression(const detail::Runtime& runtime, syncline_expr_handle handle)
        : runtime_(&runtime), handle_(handle) {}

    explicit operator bool() const { return runtime_ != nullptr; }

    // Throws a Failure of class SYNCLINE_E_PERMANENT that says what does not fit where.
    std::string evaluate_text(std::string_view input_json) const {
        if (runtime_ == nullptr) throw Failure{SYNCLINE_E_PLUGIN_BUG, "it was not compiled"};
        return runtime_->evaluate(handle_, input_json);
    }
    json::Value evaluate(std::string_view input_json) const {
        json::Parsed result = json::parse(evaluate_text(input_json));
        if (!result) throw Failure{SYNCLINE_E_HOST_BUG, "an expression gave no JSON"};
        return std::move(*result.value);
    }
    // jq's truth: everything but null and false.
    bool is_true(std::string_view input_json) const {
        const std::string result = evaluate_text(input_json);
        return result != "null" && result != "false";
    }

  private:
    const detail::Runtime* runtime_ = nullptr;
    syncline_expr_handle handle_ = 0;
};

}  // namespace syncline

#endif
