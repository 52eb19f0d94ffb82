// Puts a text where the model has a truth; with RIGHT a truth.
#include "syncline/records.hpp"

#ifdef RIGHT
constexpr bool kVerified = true;
#else
constexpr const char* kVerified = "yes";
#endif

void verify(syncline::json::Object& body);
void verify(syncline::json::Object& body) {
    syncline::put<syncline::identity::IsVerified>(body, kVerified);
}
