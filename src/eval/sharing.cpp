#include "res2clip/eval/sharing.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "res2clip/metrics/accumulator.hpp"

#include "class_json.hpp"

namespace res2clip {

namespace {

using Json = nlohmann::json;

// What travels between processes, as CBOR: it keeps every bit of a number, NaN too, and every byte of a name.
std::string packed(const std::vector<ClassResult>& classes) {
  Json json = Json::array();
  for (const ClassResult& one : classes) json.push_back(class_json(one));
  const auto bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

std::vector<ClassResult> unpacked(const std::string& bytes) {
  std::vector<ClassResult> classes;
  for (const Json& json : Json::from_cbor(bytes)) classes.push_back(class_from(json));
  return classes;
}

std::span<const Sample> test_of(const Dataset& dataset, const std::string& category) {
  const auto found = dataset.test.find(category);
  if (found == dataset.test.end()) return {};
  return found->second;
}

/// Images of a class that one process evaluates, and what they cost: with them, the references of the class.
struct Piece {
  std::string category;
  std::int64_t first, count, cost;
};

/// A class in at most so many pieces as make none cost more than `most`, each of whole batches.
void part_class(const Dataset& dataset, const std::string& category, std::int64_t batch, std::int64_t shots,
                double most, std::vector<Piece>& pieces) {
  const auto images = static_cast<std::int64_t>(test_of(dataset, category).size());
  const std::int64_t batches = std::max<std::int64_t>(1, (images + batch - 1) / batch);
  const auto wanted = static_cast<std::int64_t>(std::ceil(static_cast<double>(images + shots) / most));
  const std::int64_t count = std::clamp<std::int64_t>(wanted, 1, batches);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = i * batches / count * batch;
    const std::int64_t last = std::min(images, (i + 1) * batches / count * batch);
    pieces.push_back({category, first, last - first, last - first + shots});
  }
}

/// Pieces and which process has each.
struct Deal {
  std::vector<Piece> pieces;
  std::vector<std::size_t> owners;
  std::int64_t longest = 0;  ///< the cost of the process that has the most
};

/// The largest goes first, always to the process with the least so far.
Deal dealt(std::vector<Piece> pieces, int size) {
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.cost > b.cost; });
  std::vector<std::int64_t> load(static_cast<std::size_t>(size), 0);
  Deal deal{std::move(pieces), {}, 0};
  for (const Piece& piece : deal.pieces) {
    const auto least = std::min_element(load.begin(), load.end());
    *least += piece.cost;
    deal.owners.push_back(static_cast<std::size_t>(least - load.begin()));
  }
  deal.longest = *std::max_element(load.begin(), load.end());
  return deal;
}

Deal deal_of(const Dataset& dataset, int size, std::int64_t batch, std::int64_t shots) {
  const auto parted = [&](double most) {
    std::vector<Piece> pieces;
    for (const auto& category : dataset.categories) part_class(dataset, category, batch, shots, most, pieces);
    return dealt(std::move(pieces), size);
  };
  constexpr double kAboutEven = 1.15;
  Deal whole = parted(std::numeric_limits<double>::infinity());
  double total = 0;
  for (const Piece& piece : whole.pieces) total += static_cast<double>(piece.cost);
  const double even = total / size;
  if (static_cast<double>(whole.longest) <= kAboutEven * even) return whole;
  Deal halves = parted(even / 2);
  return halves.longest < whole.longest ? halves : whole;
}

/// Puts a class's parts together, its images in the data set's order.
void join(ClassResult& whole, ClassResult&& part) {
  whole.images.insert(whole.images.end(), std::make_move_iterator(part.images.begin()),
                      std::make_move_iterator(part.images.end()));
  whole.seconds += part.seconds;
}

void sort_images(ClassResult& whole, std::span<const Sample> order) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i].name] = i;
  std::stable_sort(whole.images.begin(), whole.images.end(),
                   [&](const ImageResult& a, const ImageResult& b) { return place[a.name] < place[b.name]; });
}

/// The metrics of the classes that several processes have images of, on every process. Each class is put
/// together by another process.
std::map<std::string, ClassMetrics> metrics_of_split(EvaluationResult& own,
                                                     const std::vector<std::string>& split,
                                                     Communicator& processes) {
  Json found = Json::array();
  for (std::size_t i = 0; i < split.size(); ++i) {
    const auto part = own.open.find(split[i]);
    const auto parts = processes.gather(part == own.open.end() ? "" : part->second.bytes());
    if (static_cast<int>(i) % processes.size() != processes.rank()) continue;
    ClassAccumulator whole;
    for (const std::string& bytes : parts)
      if (!bytes.empty()) whole.add(bytes);
    const ClassMetrics metrics = whole.finish(own.metrics);
    found.push_back({{"category", split[i]}, {"metrics", metrics_json(metrics)}});
  }
  std::map<std::string, ClassMetrics> all;
  const auto bytes = Json::to_cbor(found);
  for (const std::string& other : processes.gather({bytes.begin(), bytes.end()}))
    for (const Json& json : Json::from_cbor(other))
      all[json.at("category").get<std::string>()] = metrics_from(json.at("metrics"));
  return all;
}

}  // namespace

Share share_of(const Dataset& dataset, int rank, int size, std::int64_t batch_size, std::int64_t shots) {
  const Deal deal = deal_of(dataset, size, batch_size, shots);
  std::map<std::string, std::vector<const Piece*>> own;
  std::map<std::string, std::set<std::size_t>> owners;
  for (std::size_t i = 0; i < deal.pieces.size(); ++i) {
    const Piece& piece = deal.pieces[i];
    owners[piece.category].insert(deal.owners[i]);
    if (deal.owners[i] == static_cast<std::size_t>(rank)) own[piece.category].push_back(&piece);
  }
  Share share{dataset, {}};
  std::erase_if(share.dataset.categories, [&](const auto& category) { return !own.contains(category); });
  for (const auto& category : dataset.categories)
    if (owners.at(category).size() > 1) share.split.push_back(category);
  for (auto& [category, pieces] : own) {
    const auto all = test_of(dataset, category);
    if (all.empty()) continue;
    std::sort(pieces.begin(), pieces.end(),
              [](const Piece* a, const Piece* b) { return a->first < b->first; });
    std::vector<Sample>& samples = share.dataset.test[category];
    samples.clear();
    for (const Piece* piece : pieces) {
      const auto part =
          all.subspan(static_cast<std::size_t>(piece->first), static_cast<std::size_t>(piece->count));
      samples.insert(samples.end(), part.begin(), part.end());
    }
  }
  return share;
}

EvaluationResult gather_results(EvaluationResult own, const Dataset& dataset,
                                const std::vector<std::string>& split, Communicator& processes) {
  std::map<std::string, ClassMetrics> split_metrics;
  if (!split.empty()) split_metrics = metrics_of_split(own, split, processes);
  std::map<std::string, ClassResult> found;
  for (const std::string& bytes : processes.gather(packed(own.classes)))
    for (ClassResult& one : unpacked(bytes)) {
      const auto known = found.find(one.category);
      if (known != found.end())
        join(known->second, std::move(one));
      else
        found.emplace(one.category, std::move(one));
    }
  EvaluationResult whole;
  whole.metrics = own.metrics;
  std::vector<ClassMetrics> metrics;
  for (const auto& category : dataset.categories) {
    ClassResult& one = found.at(category);
    if (const auto put_together = split_metrics.find(category); put_together != split_metrics.end()) {
      one.metrics = put_together->second;
      sort_images(one, test_of(dataset, category));
    }
    metrics.push_back(one.metrics);
    whole.classes.push_back(std::move(one));
  }
  whole.mean = mean_over_classes(metrics);
  return whole;
}

}  // namespace res2clip
