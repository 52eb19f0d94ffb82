// Reads a field that it has not declared; with RIGHT it has.
#include "syncline/records.hpp"

#ifdef RIGHT
using Member = syncline::Reads<syncline::membership::User, syncline::membership::Audience>;
#else
using Member = syncline::Reads<syncline::membership::User>;
#endif

std::string audience_of(const Member& member);
std::string audience_of(const Member& member) {
    return member.get<syncline::membership::Audience>();
}
