#include "core/sha256.hpp"

#include <openssl/evp.h>

#include "core/memory.hpp"

namespace syncline::core {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    require_memory(context_ != nullptr);
    require_memory(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::string_view part) {
    require_memory(EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
}

std::string Sha256::finish() {
    std::string digest(32, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(digest.data());
    require_memory(EVP_DigestFinal_ex(context_.get(), bytes, nullptr) == 1);
    return digest;
}

}  // namespace syncline::core
