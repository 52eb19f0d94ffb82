// Declares a preset that is none of the values that are allowed; with RIGHT it is one.
#include "syncline/connector.hpp"

struct Own {
    std::string mode;

    static constexpr auto settings() {
#ifdef RIGHT
        constexpr const char* kPreset = "fast";
#else
        constexpr const char* kPreset = "quick";
#endif
        return std::tuple{syncline::setting("mode", &Own::mode, "How",
                                            {.preset = kPreset, .one_of = {"fast", "slow"}})};
    }
};

class Connector final : public syncline::Configured<Own> {};

SYNCLINE_EXPORT_CONNECTOR(Connector, R"json({"id": "x"})json")
