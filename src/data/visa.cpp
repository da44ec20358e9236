#include <algorithm>
#include <map>
#include <sstream>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

constexpr std::string_view kHeadings = "object,split,label,image,mask";

std::vector<std::string> split_at_commas(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char letter : line) {
    if (letter == ',')
      cells.emplace_back();
    else if (letter != '\r' && letter != '"')
      cells.back() += letter;
  }
  return cells;
}

bool passes(const Path& path, const std::string& folder) {
  return std::find(path.begin(), path.end(), Path(folder)) != path.end();
}

/// Reads the lines of 1cls.csv one by one.
class SplitFile {
 public:
  explicit SplitFile(LayoutReader& reader) : reader_(reader) {}

  void add(const std::string& line, const std::string& where) {
    const auto cells = split_at_commas(line);
    if (cells.size() != 5 || (cells[1] != "train" && cells[1] != "test") ||
        (cells[2] != "normal" && cells[2] != "anomaly"))
      throw data_error(where + ": is not '" + std::string(kHeadings) + "'");
    if (!reader_.wants(cells[0])) return;
    const bool anomalous = cells[2] == "anomaly";
    refuse_contradictions(cells, anomalous, where);
    Sample sample =
        make_sample(reader_.dataset.root, cells[3], cells[0], anomalous ? "anomaly" : "good", anomalous);
    if (anomalous && !cells[4].empty()) sample.mask = reader_.dataset.root / cells[4];
    reader_.add_class(cells[0]);
    reader_.add(std::move(sample), cells[1] == "test", where);
  }

 private:
  void refuse_contradictions(const std::vector<std::string>& cells, bool anomalous,
                             const std::string& where) {
    const Path image = Path(cells[3]).lexically_normal();
    if (image.empty() || *image.begin() != cells[0])
      throw data_error(where + ": " + cells[3] + " does not lie in the folder of class '" + cells[0] + "'");
    if (passes(image, anomalous ? "Normal" : "Anomaly") || (anomalous && cells[1] == "train"))
      throw data_error(where + ": " + cells[3] + " cannot be " + cells[2] + " and in " + cells[1]);
    if (const auto [before, is_new] = places_.emplace(image, where); !is_new)
      throw data_error(where + ": lists " + cells[3] + " again, after " + before->second);
  }

  LayoutReader& reader_;
  std::map<Path, std::string> places_;
};

void read_split_file(LayoutReader& reader, const Path& file) {
  std::istringstream lines(read_file(file));
  std::string line;
  std::getline(lines, line);
  if (line.find(kHeadings) == std::string::npos)
    throw data_error(file.string() + ": does not begin with the headings " + std::string(kHeadings));
  SplitFile split(reader);
  for (int number = 2; std::getline(lines, line); ++number)
    if (!line.empty() && line != "\r") split.add(line, file.string() + ", line " + std::to_string(number));
}

}  // namespace

void read_visa(LayoutReader& reader) {
  const Path root = reader.dataset.root, file = root / "split_csv" / "1cls.csv";
  if (!is_file(file)) {
    const auto folders = folders_in(root);
    if (std::any_of(folders.begin(), folders.end(),
                    [](const Path& folder) { return is_folder(folder / "Data"); }))
      throw data_error(file.string() +
                       ": no such file; it comes with VisA and says which normal images are for training");
    return read_class_folders(reader);  // VisA converted to MVTec's folders
  }
  read_split_file(reader, file);
  if (reader.classes_seen().empty()) throw data_error(file.string() + ": lists no images");
  Dataset& dataset = reader.dataset;
  std::sort(dataset.categories.begin(), dataset.categories.end());
  for (auto* images : {&dataset.train, &dataset.test})
    for (auto& [category, samples] : *images)
      std::sort(samples.begin(), samples.end(),
                [](const Sample& a, const Sample& b) { return a.name < b.name; });
}

}  // namespace res2clip
