#include "res2clip/report/reported_run.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

MetricValues values_of(const Json& metrics) {
  MetricValues values;
  for (const Metric metric : kMetrics)
    if (const Json& value = metrics.at(std::string(name_of(metric))); !value.is_null())
      values[static_cast<std::size_t>(metric)] = value.get<double>();
  return values;
}

/// Whether csv_cell() made a cell, which a spreadsheet would take for a formula, text.
bool is_guarded(std::string_view cell) {
  return cell.size() > 1 && cell[0] == '\'' &&
         std::string_view("=+-@").find(cell[1]) != std::string_view::npos;
}

/// The cells of a CSV text, row by row. A quoted cell may hold line ends.
std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows = {{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (quoted && letter == '"' && i + 1 < text.size() && text[i + 1] == '"')
      rows.back().back() += text[++i];
    else if (letter == '"')
      quoted = !quoted;
    else if (!quoted && letter == ',')
      rows.back().emplace_back();
    else if (!quoted && letter == '\n')
      rows.push_back({""});
    else
      rows.back().back() += letter;
  }
  if (rows.back() == std::vector<std::string>{""}) rows.pop_back();
  for (auto& row : rows)
    for (std::string& cell : row)
      if (is_guarded(cell)) cell.erase(0, 1);
  return rows;
}

double number_of(const std::string& text, const Path& file) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size())
    throw data_error(file.string() + ": '" + text + "' is not a score; evaluate again");
  return value;
}

constexpr std::size_t kMaskColumn = 7;  // results of version 0.1.0 have no such column

void read_scores(const Path& file, ReportedRun& run) {
  std::map<std::string, ReportedClass*> classes;
  for (ReportedClass& one : run.classes) classes[one.name] = &one;
  auto rows = csv_rows(read_file(file));
  if (rows.empty() || rows.front().front() != "path")
    throw data_error(file.string() + ": is not a scores.csv of this program");
  for (auto row = rows.begin() + 1; row != rows.end(); ++row) {
    const auto found = row->size() < 4 ? classes.end() : classes.find((*row)[1]);
    if (found == classes.end())
      throw data_error(file.string() + ": row " + std::to_string(row - rows.begin() + 1) +
                       " is cut off or of a class that results.json lacks; evaluate again");
    found->second->images.push_back({(*row)[0], (*row)[2] == "1", number_of((*row)[3], file),
                                     row->size() > kMaskColumn ? (*row)[kMaskColumn] : std::string()});
  }
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "none";
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

void add_provenance(const Json& value, const std::string& name, ReportedRun& run) {
  if (!value.is_object()) return run.provenance.emplace_back(name, text_of(value)), void();
  for (const auto& [key, below] : value.items())
    add_provenance(below, name.empty() ? key : name + ", " + key, run);
}

void take_paper(const Json& json, ReportedRun& run) {
  run.why_not = json.value("not_compared_with_the_paper", "");
  const auto published = json.find("published");
  if (published == json.end()) return;
  run.paper = published->value("source", "the paper");
  if (published->contains("setting")) run.paper += ", " + published->at("setting").get<std::string>();
  for (const Metric metric : kMetrics) {
    const auto figure = published->at("metrics").find(std::string(name_of(metric)));
    if (figure == published->at("metrics").end()) continue;
    PublishedFigure own{figure->at("mean").get<double>(), std::nullopt};
    if (figure->contains("deviation")) own.deviation = figure->at("deviation").get<double>();
    run.published[static_cast<std::size_t>(metric)] = own;
  }
}

ReportedRun read_run(const Path& folder) {
  const Path file = folder / "results.json";
  ReportedRun run;
  run.folder = folder;
  try {
    const Json json = parse_bounded<Json>(read_file(file), {.values = 1'000'000});
    run.mean = values_of(json.at("mean").at("metrics"));
    for (const auto& [name, one] : json.at("classes").items())
      run.classes.push_back({name, values_of(one.at("metrics")), {}});
    take_paper(json, run);
    run.remarks = json.at("remarks").get<std::vector<std::string>>();
    add_provenance(json.at("provenance"), "", run);
    run.data_root = json.at("provenance").at("data_root").get<std::string>();
  } catch (const Json::exception&) {
    throw data_error(file.string() + ": is not a results.json of this program, or damaged; evaluate again");
  }
  read_scores(folder / "scores.csv", run);
  run.settings = read_file(folder / "settings.yaml");
  return run;
}

/// The folders of runs in one that holds them, by name.
std::vector<Path> run_folders(const Path& folder) {
  if (std::filesystem::exists(folder / "results.json")) return {folder};
  std::vector<Path> folders;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (std::filesystem::exists(entry.path() / "results.json")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  if (folders.empty())
    throw data_error(folder.string() +
                     ": holds no results.json, and no folder that does; name what `res2clip "
                     "eval` or `sweep` wrote");
  return folders;
}

/// The last `depth` names of a path.
std::string tail_of(const Path& path, int depth) {
  Path tail = path.filename(), rest = path.parent_path();
  for (int i = 1; i < depth && rest.has_filename(); ++i, rest = rest.parent_path())
    tail = rest.filename() / tail;
  return tail.string();
}

/// Names runs by the ends of their paths, as long as it takes to tell them apart.
void name_apart(std::vector<ReportedRun>& runs) {
  std::set<Path> folders;
  for (const ReportedRun& run : runs) folders.insert(std::filesystem::weakly_canonical(run.folder));
  constexpr int kDeepest = 8;
  for (int depth = 1; depth <= kDeepest; ++depth) {
    std::set<std::string> names;
    for (const Path& folder : folders) names.insert(tail_of(folder, depth));
    if (names.size() < folders.size() && depth < kDeepest) continue;
    for (ReportedRun& run : runs) run.name = tail_of(std::filesystem::weakly_canonical(run.folder), depth);
    return;
  }
}

}  // namespace

std::vector<ReportedRun> read_reported_runs(std::span<const Path> folders) {
  std::vector<ReportedRun> runs;
  for (const Path& folder : folders)
    for (const Path& one : run_folders(folder)) runs.push_back(read_run(one));
  name_apart(runs);
  return runs;
}

}  // namespace res2clip
