#include <algorithm>
#include <sstream>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

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

void add_line(Dataset& dataset, const std::string& line, const std::string& where) {
  const auto cells = split_at_commas(line);
  if (cells.size() != 5 || (cells[1] != "train" && cells[1] != "test") ||
      (cells[2] != "normal" && cells[2] != "anomaly"))
    throw data_error(where + ": is not 'object,split,label,image,mask'");
  const bool anomalous = cells[2] == "anomaly";
  Sample sample = make_sample(dataset.root, cells[3], cells[0], anomalous ? "anomaly" : "good", anomalous);
  if (!is_file(sample.image)) throw data_error(where + ": " + sample.image.string() + " is absent");
  if (anomalous && !cells[4].empty()) {
    sample.mask = dataset.root / cells[4];
    if (!is_file(sample.mask)) throw data_error(where + ": the mask " + sample.mask.string() + " is absent");
  }
  if (std::find(dataset.categories.begin(), dataset.categories.end(), cells[0]) == dataset.categories.end())
    dataset.categories.push_back(cells[0]);
  (cells[1] == "train" ? dataset.train : dataset.test)[cells[0]].push_back(std::move(sample));
}

}  // namespace

Dataset load_visa(const Path& root) {
  const Path split = root / "split_csv" / "1cls.csv";
  if (!is_file(split)) {
    const auto folders = folders_in(root);
    if (std::any_of(folders.begin(), folders.end(),
                    [](const Path& folder) { return is_folder(folder / "Data"); }))
      throw data_error(split.string() +
                       ": no such file; it comes with VisA and says which normal images are for training");
    return load_class_folders(root);  // VisA converted to MVTec's folders
  }
  Dataset dataset;
  dataset.root = root;
  std::istringstream lines(read_file(split));
  std::string line;
  std::getline(lines, line);  // the headings
  for (int number = 2; std::getline(lines, line); ++number)
    if (!line.empty() && line != "\r")
      add_line(dataset, line, split.string() + ", line " + std::to_string(number));
  if (dataset.categories.empty()) throw data_error(split.string() + ": lists no images");
  std::sort(dataset.categories.begin(), dataset.categories.end());
  for (auto* images : {&dataset.train, &dataset.test})
    for (auto& [category, samples] : *images)
      std::sort(samples.begin(), samples.end(),
                [](const Sample& a, const Sample& b) { return a.name < b.name; });
  return dataset;
}

}  // namespace res2clip
