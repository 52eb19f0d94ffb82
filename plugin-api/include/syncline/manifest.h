// The manifest: JSON inside the file, which the host reads without running any code of it.
//
// It is the only way by which a connector is discovered. The fields:
//
//     id             "mapp-dmp": lower-case letters, digits and '-'
//     version        "1.2.0", a semantic version
//     name, summary  for people
//     abi            {"major": 1, "draft": 2, "min_host_minor": 0}; draft must equal the host's
//     style          "async", or "blocking": a call may wait for the platform, and the host makes
//                    as many instances as it wants things done at once, each on its own thread
//     unload         "supported", or "never": then the file stays mapped
//     capabilities   any of "webhook", "write", "fetch", "read", "check",
//                    "discover", "migrate", "state", "periodic"
//     streams        [{"name": "profiles", "source": false, "destination": true,
//                    "batch_records_max": 100}]; besides, of a source stream:
//                      "merge": true            each record is the whole of its key's state, so of
//                                               those that wait, the newest will do
//                      "read": ["full", "incremental"]  how it can be read page by page, one or
//                                               both; since 1.2
//                      "read_records_max": 500  how large a page it wants, default 1000
//                    of a destination stream:
//                      "partial_updates": true  write() makes use of changed and unset fields
//                      "ordered_batches": true  a batch may hold several records of one key
//                      "batch_bytes_max": 1048576  of the bodies of a batch together
//                    of both:
//                      "model": "profile/1"     what its records are (models.hpp); of those that go
//                                               out, only the identities below reach the connector
//                      "fetch": true, "fetch_records_max": 100
//     handshakes     [{"methods": ["GET"], "query": {"type": "VALIDATE"}}]:
//                    what handshake() answers
//     webhook        optional; {"success_status": 200}: what the platform wants to hear, else 202;
//                    {"answered": [{"methods": ["POST"], "query": {"type": "CREATE"}}]}: whose
//                    sender waits for the outcome, unless the configuration says otherwise;
//                    {"verifies": true, "proof_headers": ["X-Signature"], "proof_parameters":
//                    ["token"]}: verify() is asked, and what carries the proof is not stored
//     allowed_hosts  ["api.example.com", "*.example.org", {"from_setting": "base_url"}]:
//                    nothing else is reachable
//     allowed_files  [{"from_setting": "path"}]: no other file can be appended to
//     auth           ["custom"]: sign() is asked for each request (sign.h); since 1.3
//     secrets        [{"name": "signing_key", "reason": "signs the links in mails"}]: what the
//                    connector reads itself (secret.h), with a reason for the operator; since 1.1
//     identities     [{"kind": "email", "encoding": "sha256", "normalise": "email"}, {"kind":
//                    "customer_id", "namespace": "shop"}]: which of a record's identities the
//                    connector gets, and how: "raw" (the default), "md5", "sha1", "sha256", brought
//                    into the form "email" or "phone" before. Of records of a model, all others
//                    stay in the hub
//     limits         {"requests_per_second": 20, "requests_at_once": 4}, of an account: more wait
//                    in the hub
//     branding       optional, for people: {"description": "...", "colour": "#1a2b3c",
//                    "logo": "<svg ...>...</svg>" (at most 32 KiB, nothing that runs or loads),
//                    "categories": ["crm"], "links": {"docs": "https://..."}}
//     presets        optional, mappings to take over: [{"name": "by-mail", "summary": "...",
//                    "stream": "profiles", "map": {"user": ".email"}}]
//     settings       a JSON Schema (draft 7) of the account's settings
#ifndef SYNCLINE_MANIFEST_H
#define SYNCLINE_MANIFEST_H

#include "syncline/types.h"

#define SYNCLINE_NOTE_NAME "syncline"
// "sync" as a little-endian number.
#define SYNCLINE_NOTE_TYPE 0x636e7973u

#if defined(_WIN32)
#define SYNCLINE_NOTE_SECTION ".syncln"
#else
#define SYNCLINE_NOTE_SECTION ".note.syncline"
#endif

#if defined(_MSC_VER)
#pragma section(".syncln", read)
#define SYNCLINE_NOTE_ATTRIBUTES __declspec(allocate(".syncln"))
#elif defined(_WIN32)
#define SYNCLINE_NOTE_ATTRIBUTES __attribute__((section(SYNCLINE_NOTE_SECTION), used, aligned(4)))
#elif defined(__has_attribute)
#if __has_attribute(retain)
#define SYNCLINE_NOTE_ATTRIBUTES \
    __attribute__((section(SYNCLINE_NOTE_SECTION), used, retain, aligned(4)))
#endif
#endif
#if !defined(SYNCLINE_NOTE_ATTRIBUTES)
#define SYNCLINE_NOTE_ATTRIBUTES __attribute__((section(SYNCLINE_NOTE_SECTION), used, aligned(4)))
#endif

// Places a string literal as an ELF note (in PE: as a section of the same layout). Use it once, at
// file scope, with the same literal that syncline_plugin_v1.manifest holds. The note's description
// is the text and one NUL, which its size counts.
#define SYNCLINE_MANIFEST(json)                                                               \
    SYNCLINE_NOTE_ATTRIBUTES static const struct {                                            \
        uint32_t name_size, description_size, type;                                           \
        char name[12];                                                                        \
        char description[(sizeof(json) + 3) / 4 * 4];                                         \
    } syncline_manifest_note = {sizeof(SYNCLINE_NOTE_NAME), sizeof(json), SYNCLINE_NOTE_TYPE, \
                                SYNCLINE_NOTE_NAME, json}

#endif
