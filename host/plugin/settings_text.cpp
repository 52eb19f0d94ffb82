#include "plugin/settings_text.hpp"

#include <boost/json/serializer.hpp>
#include <string>

namespace syncline::plugin {

core::Secret settings_text(const boost::json::object& settings) {
    std::string piece(256, '\0');
    boost::json::serializer writer;
    std::string text;
    for (const bool is_counting : {true, false}) {
        std::size_t size = 0;
        for (writer.reset(&settings); !writer.done();) {
            const auto written = writer.read(piece.data(), piece.size());
            size += written.size();
            if (!is_counting) text.append(written.data(), written.size());
        }
        text.reserve(size);
    }
    core::cleanse(piece);
    return core::Secret::take(text);
}

}  // namespace syncline::plugin
