// Expressions that a connector has compiled.
#include <utility>

#include "plugin/live_instance.hpp"

namespace syncline::plugin {

syncline_status LiveInstance::compile(const syncline_str& text, syncline_expr_handle* expression,
                                      syncline_error* error) {
    std::string copy;
    Problem problem = copy_text(text, kExpressionBytesMax, "an expression", copy);
    if (expression == nullptr) problem = "compile() was called without a place for the handle";
    if (options_.expressions == nullptr) problem = "compile() was called by way of a stale table";
    if (expressions_.size() >= kExpressionsMax) {
        problem = "the connector has compiled " + std::to_string(kExpressionsMax) + " expressions";
    }
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    Result<Expressions::Program> program = options_.expressions->compile(copy);
    if (!program) {
        const Error& why = program.error();
        const std::string place = why.where().empty() ? "" : "at " + why.where() + ": ";
        return refuse(error, FailureClass::kConfig, place + why.what());
    }
    *expression = expressions_.insert(std::move(*program));
    return SYNCLINE_OK;
}

syncline_status LiveInstance::evaluate(syncline_expr_handle expression, const syncline_str& input,
                                       const syncline_text_sink* sink, syncline_error* error) {
    Problem problem;
    if (sink == nullptr || sink->struct_size < SYNCLINE_TEXT_SINK_SIZE_1_0 ||
        sink->text == nullptr) {
        problem = "evaluate() was called without a proper sink";
    } else if (input.len > record::kRecordBytesMax || (input.len != 0 && input.ptr == nullptr)) {
        problem = "the input of an expression is NULL or too long";
    }
    if (!problem.empty()) {
        misbehaved(problem);
        return refuse(error, FailureClass::kPluginBug, problem);
    }
    const Expressions::Program* program = expressions_.find(expression);
    if (program == nullptr)
        return refuse(error, FailureClass::kStale, "there is no such expression");
    const Result<std::string> result =
        (*program)(input.len == 0 ? std::string_view{} : std::string_view{input.ptr, input.len});
    if (!result) {
        const Error& why = result.error();
        const std::string place = why.where().empty() ? "" : "at " + why.where() + ": ";
        return refuse(error, FailureClass::kPermanent, place + why.what());
    }
    if (!call_back([&] { sink->text(sink->context, to_str(*result)); })) {
        misbehaved("an exception escaped from a sink");
        return refuse(error, FailureClass::kPluginBug, "an exception escaped from the sink");
    }
    return SYNCLINE_OK;
}

}  // namespace syncline::plugin
