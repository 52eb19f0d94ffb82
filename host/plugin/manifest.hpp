// What a connector says of itself: JSON in an ELF note, read without running any code of the file.
// Its text is untrusted, and written by people: everything that is wrong is said.
// Concurrency: [any]; plain values.
#pragma once

#include <boost/json/object.hpp>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "plugin/data_contract.hpp"

namespace syncline::plugin {

struct StreamSpec {
    std::string name;
    bool is_source = false;
    bool is_destination = false;
    std::uint32_t batch_records_max = 0;  // 0: no wish of the connector's
    bool is_mergeable = false;            // source: of records that wait, the newest will do
    bool takes_partial_updates = false;   // destination: told what changed and what is unset
    bool takes_ordered_batches = false;   // destination: a batch may repeat a key, in order
    bool can_fetch = false;
    std::uint32_t fetch_records_max = 1;
    bool reads_full = false;         // source: page by page, every record
    bool reads_incremental = false;  // source: page by page, what has changed
    std::uint32_t read_records_max = 1000;
    std::uint32_t batch_bytes_max = 0;  // destination: of the bodies; 0: no wish of the connector's
    std::string model{};                // "profile/1": what its records are; "" for anything

    bool operator==(const StreamSpec&) const = default;
};

// Requests of one kind: all given conditions must hold.
struct RequestPattern {
    std::vector<std::string> methods;                        // empty: any
    std::vector<std::pair<std::string, std::string>> query;  // parameter = value

    bool operator==(const RequestPattern&) const = default;
};

// A host that the connector wants to reach: a name or glob, or the name of a setting whose URL the
// operator wrote.
struct HostGrant {
    std::string host;
    std::string from_setting;

    bool operator==(const HostGrant&) const = default;
};

// A secret that the connector reads itself, with the reason for the operator.
struct SecretNeed {
    std::string name;
    std::string reason;
};

struct Manifest {
    std::string id;       // "mapp-dmp"
    std::string version;  // semantic version
    std::string name;     // "Mapp DMP"
    std::string summary;
    std::uint32_t abi_major = 0;
    std::uint32_t abi_draft = 0;
    std::uint32_t min_host_minor = 0;
    bool can_webhook = false;
    bool can_write = false;
    bool can_fetch = false;
    bool can_read = false;
    bool can_check = false;                  // whether the account's credentials are good
    bool can_migrate = false;                // settings of older versions
    bool can_keep_state = false;             // from one version to the next
    bool can_work = false;                   // at times of its own
    bool signs_requests = false;             // in a way of the platform's own
    bool can_discover = false;               // which streams and fields the account has
    bool is_blocking = false;                // its calls wait; it has an instance for each of them
    bool verifies_webhooks = false;          // verify() is asked
    std::vector<std::string> proof_headers;  // what verify() looks at, which is not stored
    std::vector<std::string> proof_parameters;  // the same of the query
    bool can_unload = true;                     // false: the library stays mapped once loaded
    int webhook_success_status = 202;           // what the platform wants to hear
    std::vector<StreamSpec> streams;
    std::vector<RequestPattern> handshakes;  // the connector answers them, without effect
    std::vector<RequestPattern> answered;    // their senders wait for the outcome
    std::vector<HostGrant> allowed_hosts;
    std::vector<std::string> allowed_files;  // names of settings that name a file
    std::vector<SecretNeed> secrets;
    DataContract data;  // which identities it gets, and how fast its requests may be
    boost::json::object settings_schema;
    boost::json::object json;  // the whole manifest, for `connectors describe`

    // Null when there is none of that name.
    const StreamSpec* stream(std::string_view stream_name) const;
};

// ---- Reading it

inline constexpr std::size_t kManifestBytesMax = 256 * 1024;

// Errors: `plugin.abi_mismatch`, `plugin.host_too_old` (both before anything else is looked at,
// with both versions), `plugin.manifest_invalid` (all problems, separated by `; `). [any]
Result<Manifest> parse_manifest(std::string_view text);

// 1 to 64 lower-case letters, digits and '-', beginning with a letter. [any]
bool is_connector_id(std::string_view text);

// The order of semantic versions (precedence; build metadata does not count). Both were accepted by
// parse_manifest.
std::strong_ordering compare_versions(std::string_view a, std::string_view b);

}  // namespace syncline::plugin
