#include "table_cells.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "res2clip/core/terminal_text.hpp"

namespace res2clip {
namespace {

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

/// Whether a difference is larger than the paper's standard deviation. Both are rounded to one decimal.
bool is_beyond(const PublishedFigure& figure, double apart) {
  return figure.deviation && std::abs(apart) > *figure.deviation + 0.05;
}

}  // namespace

std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string first_column(const std::string& text, std::size_t width) {
  const std::string shown = terminal_text(text);
  const std::size_t size = letters(shown);
  return shown + std::string(width > size ? width - size : 0, ' ');
}

std::string decimal(double value, const char* format) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string cell(const std::string& text) {
  return padded_left(text, kColumn);
}

std::string percent(const std::optional<double>& value) {
  return cell(value ? decimal(*value * 100.0) : "-");
}

std::string published_lines(const PublishedResult& published,
                            const std::array<std::optional<double>, kMetricCount>& means, std::size_t width) {
  std::string paper = first_column("paper", width);
  std::string deviation = first_column("  +-", width);
  std::string difference = first_column("difference", width);
  bool beyond = false;
  for (const auto metric : kMetrics) {
    const std::optional<PublishedFigure>& figure = published[metric];
    const auto& own = means[static_cast<std::size_t>(metric)];
    paper += cell(figure ? decimal(figure->mean) : "-");
    deviation += cell(figure && figure->deviation ? decimal(*figure->deviation) : "-");
    if (!figure || !own) {
      difference += cell("-");
      continue;
    }
    const double apart = *own * 100.0 - figure->mean;
    const bool far = is_beyond(*figure, apart);
    beyond = beyond || far;
    difference += cell(decimal(apart, "%+.1f") + (far ? "*" : ""));
  }
  return paper + "\n" + deviation + "\n" + difference + "\n" +
         (beyond ? "* further from the paper than its standard deviation over three runs\n" : "");
}

}  // namespace res2clip
