#include "syncline/connector.hpp"

namespace {
class Nothing final : public syncline::Connector {};
}  // namespace

SYNCLINE_EXPORT_CONNECTOR(Nothing, R"json({"id": "nothing"})json")
