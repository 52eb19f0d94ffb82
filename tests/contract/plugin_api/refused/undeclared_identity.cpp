// Reads of each identity what it has not declared; with RIGHT it has.
#include "syncline/records.hpp"

using syncline::identity::IsVerified;
using syncline::identity::Value;
#ifdef RIGHT
using Identity = syncline::Reads<Value, IsVerified>;
#else
using Identity = syncline::Reads<Value>;
#endif
using Person = syncline::Reads<syncline::List<syncline::profile::Identities, Identity>>;

bool is_verified(const Person& person);
bool is_verified(const Person& person) {
    return person.get<syncline::profile::Identities>().at(0).get<IsVerified>();
}
