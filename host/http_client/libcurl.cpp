#include "http_client/libcurl.hpp"

#include <boost/dll/shared_library.hpp>
#include <string>
#include <system_error>

#include "core/assert.hpp"
#include "http_client/client.hpp"
#include "http_client/errc.hpp"

namespace syncline::http_client {
namespace {

constexpr const char* kFile = "libcurl.so.4";  // the ABI that its headers are of

syncline::Result<Libcurl> load() {
    try {
        namespace dll = boost::dll;
        // Its threads may run until the process ends: it is never unloaded.
        static auto* const library = new dll::shared_library{
            kFile, dll::load_mode::search_system_folders | dll::load_mode::rtld_lazy};
        if (library->get<decltype(::curl_global_init)>("curl_global_init")(CURL_GLOBAL_DEFAULT) !=
            CURLE_OK)
            return Error{kLibraryMissing, std::string{kFile} + " can't be set up"};
        Libcurl functions{};
#define SYNCLINE_LIBCURL_FIND(name) \
    functions.name = &library->get<decltype(::curl_##name)>("curl_" #name);
        SYNCLINE_LIBCURL_FUNCTIONS(SYNCLINE_LIBCURL_FIND)
#undef SYNCLINE_LIBCURL_FIND
        return functions;
    } catch (const std::system_error& error) {
        return Error{kLibraryMissing,
                     std::string{"the system can't load libcurl: "} + error.what()};
    }
}

const syncline::Result<Libcurl>& loaded() {
    static const syncline::Result<Libcurl> library = load();
    return library;
}

}  // namespace

const Libcurl& libcurl() {
    SYNCLINE_ASSERT(loaded().has_value());
    return *loaded();
}

syncline::Result<void> load_libcurl() {
    if (!loaded().has_value()) return loaded().error();
    return {};
}

}  // namespace syncline::http_client
