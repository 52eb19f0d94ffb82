// What connectors are driven with: sample records and requests, answers of platforms, and a tour
// through everything that the hub asks of a connector when it works and when its platform fails.
// Concurrency: one thread.
#pragma once

#include <string>
#include <vector>

#include "checker/strict_host.hpp"

namespace syncline::checker {

// Records with the fields of every model of plugin-api/docs/records.md; keys "<prefix>-1", ...
std::vector<plugin::WriteRecord> sample_records(std::size_t count, const std::string& prefix = "k");
// As many as a batch of the stream may hold, at most three.
WritePlan sample_write(const plugin::StreamSpec& stream, Responder respond,
                       const std::string& prefix = "k");
// Requests of several kinds: JSON, lists, lines, forms, queries, nothing.
std::vector<plugin::WebhookRequest> sample_requests();
// One that each of the manifest's patterns matches.
std::vector<plugin::WebhookRequest> requests_for(const std::vector<plugin::RequestPattern>& all);

// Answers.
Responder answers(int status, std::string body, plugin::Headers headers = {});
Responder accepts();  // 200 {}
// No response came.
Responder breaks(plugin::FailureClass failure_class, bool may_have_been_processed);

// The destination streams of the manifest; an error when it has none or can't write.
Result<std::vector<plugin::StreamSpec>> destinations(const Subject& subject);

// Begins an instance, uses all that it can do, well and with faults, and ends it. It looks at
// nothing: what breaks a rule is in the host's violations.
Result<std::vector<Violation>> tour(const Subject& subject, StrictHost::Options options = {});

}  // namespace syncline::checker
