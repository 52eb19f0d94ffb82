#include "app/account_questions.hpp"

#include <boost/json/object.hpp>
#include <utility>

#include "admin/errc.hpp"
#include "app/errc.hpp"
#include "record/json.hpp"

namespace syncline::app {
namespace {

namespace json = boost::json;
using Done = admin::AccountQuestions::Done;

Error to_answer(const plugin::Failure& failure) {
    const bool is_lacking = failure.failure_class == plugin::FailureClass::kUnsupported;
    const std::string why =
        std::string{plugin::to_string(failure.failure_class)} + ": " + failure.message;
    return Error{is_lacking ? kNotSupported : kPlatformRefuses, is_lacking ? failure.message : why};
}

std::shared_ptr<plugin::Instance> instance_of(const Current& current, const std::string& account,
                                              const Done& done) {
    const auto running = current.get();
    const auto found = running->accounts.find(account);
    if (found != running->accounts.end()) return found->second.instance;
    done(Error{admin::kNotFound, "there is no account " + account});
    return nullptr;
}

void check(const Current& current, const std::string& account, const Done& done) {
    const auto instance = instance_of(current, account, done);
    if (instance == nullptr) return;
    instance->check(kQuestionLimit, [account, done](const plugin::Failure& failure) {
        if (failure.failure_class != plugin::FailureClass::kNone) return done(to_answer(failure));
        done(json::value(json::object{{"account", account}, {"credentials", "good"}}));
    });
}

void discover(const Current& current, const std::string& account, const Done& done) {
    const auto instance = instance_of(current, account, done);
    if (instance == nullptr) return;
    const auto told = [account, done](const plugin::Failure& failure, const std::string& streams) {
        if (failure.failure_class != plugin::FailureClass::kNone) return done(to_answer(failure));
        auto list = record::parse_json(streams);
        if (!list) return done(list.error());
        done(json::value(json::object{{"account", account}, {"streams", std::move(*list)}}));
    };
    instance->discover(kQuestionLimit, told);
}

}  // namespace

admin::AccountQuestions make_account_questions(const Current& current) {
    admin::AccountQuestions questions;
    questions.check = [&current](const std::string& account, const Done& done) {
        check(current, account, done);
    };
    questions.discover = [&current](const std::string& account, const Done& done) {
        discover(current, account, done);
    };
    return questions;
}

}  // namespace syncline::app
