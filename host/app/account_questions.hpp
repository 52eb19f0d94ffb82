// Whether an account's credentials are good, and what it has: asked of its connector.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "admin/questions.hpp"
#include "app/running.hpp"

namespace syncline::app {

// How long a platform has for one question; the operator waits for it.
inline constexpr std::chrono::milliseconds kQuestionLimit{20'000};

// Asks whoever serves the account at that time; `current` must outlive what is returned. [io]
admin::AccountQuestions make_account_questions(const Current& current);

}  // namespace syncline::app
