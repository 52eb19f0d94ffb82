#include "core/digest.hpp"

#include <openssl/evp.h>

#include "core/memory.hpp"

namespace syncline::core {

std::string digest(Digest which, std::string_view data) {
    const EVP_MD* function = which == Digest::kMd5    ? EVP_md5()
                             : which == Digest::kSha1 ? EVP_sha1()
                                                      : EVP_sha256();
    std::string bytes(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    const int ok =
        EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(bytes.data()), &size,
                   function, nullptr);
    require_memory(ok == 1);
    bytes.resize(size);
    return bytes;
}

}  // namespace syncline::core
