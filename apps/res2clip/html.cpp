#include "html.hpp"

#include <cmath>
#include <openssl/evp.h>

#include "valid_text.hpp"

namespace res2clip::app {

std::string html_text(std::string_view text) {
  std::string html;
  for (const char letter : valid_text(std::string(text))) {
    switch (letter) {
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
      default:
        html += letter;
    }
  }
  return html;
}

std::string jpeg_address(std::string_view jpeg) {
  std::string base64((jpeg.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                      reinterpret_cast<const unsigned char*>(jpeg.data()), static_cast<int>(jpeg.size()));
  base64.resize(static_cast<std::size_t>(size));
  return "data:image/jpeg;base64," + base64;
}

double nice_step(double range, std::size_t wanted) {
  const double rough = range / static_cast<double>(wanted),
               power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

}  // namespace res2clip::app
