// The vocabulary of the interface: calling convention, strings, statuses, errors, handles.
//
// Rules that hold everywhere:
// - Fixed-width integers, double, pointers. No bool, long, size_t, C enums, bitfields or
//   variable arguments.
// - Text is UTF-8 as {pointer, length}, not NUL-terminated. Times are nanoseconds since 1970 UTC
//   and end in `_ns`.
// - Inputs are borrowed until the call returns, inputs of an operation until its completion.
//   Outputs are pushed into functions of the other side. Nobody frees memory of the other side.
// - A struct that starts with `struct_size` may grow at its end: its maker sets `struct_size` to
//   sizeof, its reader asks SYNCLINE_HAS before it reads a field that is newer than ABI 1.0.
//   Every other struct is frozen for ever. Arrays are of frozen structs or of pointers.
// - No exception, longjmp or signal crosses the interface.
// - Every function pointer says where it may be called: [instance] = one call at a time for each
//   instance, on a thread that belongs to the connector's generation; [any] = any thread, also
//   at the same time.
#ifndef SYNCLINE_TYPES_H
#define SYNCLINE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SYNCLINE_CALL __cdecl
#define SYNCLINE_EXPORT __declspec(dllexport)
#else
#define SYNCLINE_CALL
#define SYNCLINE_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__cplusplus)
#define SYNCLINE_BEGIN_C extern "C" {
#define SYNCLINE_END_C }
#define SYNCLINE_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define SYNCLINE_BEGIN_C
#define SYNCLINE_END_C
#define SYNCLINE_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#define SYNCLINE_ASSERT_SIZE(type, size) \
    SYNCLINE_STATIC_ASSERT(sizeof(type) == (size), "the layout of " #type " is part of the ABI")

// Whether the maker of *pointer knew the field: SYNCLINE_HAS(syncline_error, error, message).
#define SYNCLINE_HAS(type, pointer, field) \
    (offsetof(type, field) + sizeof((pointer)->field) <= (pointer)->struct_size)

SYNCLINE_BEGIN_C

SYNCLINE_STATIC_ASSERT(sizeof(void*) == 8, "the interface is defined for 64-bit platforms");

// Text or bytes. Frozen.
typedef struct syncline_str {
    const char* ptr;  // may be NULL only if len is 0
    uint64_t len;     // bytes
} syncline_str;
SYNCLINE_ASSERT_SIZE(syncline_str, 16);

// A syncline_str of a string literal, as an initialiser.
#define SYNCLINE_STR(literal) \
    { (literal), sizeof(literal) - 1 }

// A name and a value: a header of HTTP, a field of a log line. Frozen.
typedef struct syncline_pair {
    syncline_str name;
    syncline_str value;
} syncline_pair;
SYNCLINE_ASSERT_SIZE(syncline_pair, 32);

// No, or yes. Readers take every value but 0 for yes.
typedef int32_t syncline_bool;

// No time, where a time is optional.
#define SYNCLINE_NO_TIME INT64_MIN

// How a call ended, and of which class a failure is. The set is closed; a value that the reader
// does not know is PERMANENT. The host owns retries: a connector says what happened and neither
// sleeps nor tries again.
typedef int32_t syncline_status;
#define SYNCLINE_OK 0
#define SYNCLINE_E_CONFIG 1          // a person has to change the settings
#define SYNCLINE_E_AUTH_EXPIRED 2    // new credentials will do
#define SYNCLINE_E_AUTH_DENIED 3     // the credentials are good for nothing or not for this
#define SYNCLINE_E_RATE_LIMITED 4    // later, see retry_after_ms
#define SYNCLINE_E_TRANSIENT 5       // may work later by itself
#define SYNCLINE_E_PERMANENT 6       // will not work later
#define SYNCLINE_E_NOT_FOUND 7       // what the record refers to is not there
#define SYNCLINE_E_CONFLICT 8        // the destination holds something that excludes it
#define SYNCLINE_E_CURSOR_INVALID 9  // start again from the beginning
#define SYNCLINE_E_CANCELLED 10
#define SYNCLINE_E_DEADLINE 11
#define SYNCLINE_E_UNSUPPORTED 12  // one side lacks a table, a stream or a format
#define SYNCLINE_E_PLUGIN_BUG 13   // the connector broke a rule of this interface
#define SYNCLINE_E_HOST_BUG 14     // the host did
#define SYNCLINE_E_STALE 15        // the handle is of something that is over

// The details of a failure. The caller allocates it and sets struct_size; whoever fails fills it.
// Both texts are UTF-8 and end with NUL (a longer text is cut). A failure without a message is
// against the rules.
typedef struct syncline_error {
    uint32_t struct_size;
    syncline_status failure_class;  // equal to the status that the call returned
    int64_t retry_after_ms;         // -1: not given
    char provider_code[64];         // the platform's own code, e.g. "rate_limit"; may be empty
    char message[512];              // a sentence for people, e.g. "the platform refused the key"
} syncline_error;
SYNCLINE_ASSERT_SIZE(syncline_error, 592);
#define SYNCLINE_ERROR_SIZE_1_0 592

// Handles: opaque, never 0 unless said otherwise, checked by whoever gave them. One that is over
// yields SYNCLINE_E_STALE, never a crash.
typedef uint64_t syncline_host_handle;    // the host's side of an instance
typedef uint64_t syncline_sink_handle;    // where one call's output goes
typedef uint64_t syncline_write_handle;   // an open write operation
typedef uint64_t syncline_http_handle;    // an open HTTP exchange
typedef uint64_t syncline_fetch_handle;   // an open fetch operation
typedef uint64_t syncline_expr_handle;    // a compiled expression
typedef uint64_t syncline_secret_handle;  // a secret to be used (hmac.h, secret.h); or 0

// The connector's side of an instance: a type of the connector's own, which the host only passes
// back.
typedef struct syncline_instance syncline_instance;

SYNCLINE_END_C

#endif
