#include "res2clip/core/html.hpp"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "res2clip/core/json_text.hpp"

namespace res2clip {

std::string valid_text(std::string_view text) {
  return nlohmann::json::parse(json_text(nlohmann::json(text))).get<std::string>();
}

std::string html_text(std::string_view text) {
  std::string html;
  for (const char letter : valid_text(text)) switch (letter) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += letter;
    }
  return html;
}

std::string data_address(const std::string& type, std::string_view bytes) {
  std::string base64((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  base64.resize(static_cast<std::size_t>(size));
  return "data:" + type + ";base64," + base64;
}

}  // namespace res2clip
