// Settings files (YAML and JSON), assignments, and plans of runs.
#include "res2clip/config/settings.hpp"

#include "res2clip/settings/plan.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  const Path path = fuzz::file("settings.yaml", bytes);
  fuzz::read_or_refuse([&] { check(resolve_settings("", path, {}).method); });
  fuzz::read_or_refuse([&] { resolve_settings("paper", {}, std::vector{std::string(bytes)}); });
  return fuzz::read_or_refuse([&] { plan_of(std::string(bytes), "plan"); });
}
