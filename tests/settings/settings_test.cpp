#include "res2clip/settings/settings.hpp"

#include <gmock/gmock.h>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/settings/check.hpp"

#include "support/fails.hpp"

namespace res2clip {

enum class Shape { round, square };
template <>
struct EnumNames<Shape> {
  static constexpr std::pair<Shape, std::string_view> values[] = {{Shape::round, "round"},
                                                                  {Shape::square, "square"}};
};

struct Inner {
  double gamma = 0.01;
  Shape shape = Shape::round;
};
struct Outer {
  bool on = true;
  std::int64_t count = 3;
  std::string name = "x";
  std::vector<std::int64_t> layers = {6, 12};
  std::vector<std::string> words = {"a"};
  Inner inner;
};

static void describe(Fields& fields, Inner& inner) {
  fields.field("gamma", inner.gamma, {0.0, 10.0}, "weight of the penalty");
  fields.field("shape", inner.shape, "shape");
}
static void describe(Fields& fields, Outer& outer) {
  fields.field("on", outer.on, "switch");
  fields.field("count", outer.count, {1, 100}, "how many");
  fields.field("name", outer.name, "name");
  fields.field("layers", outer.layers, {1, 99}, "layers");
  fields.field("words", outer.words, "words");
  fields.group("inner", outer.inner);
}

namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;

auto reading(const std::string& text) {
  return [text] {
    Outer outer;
    SettingsLayer::from_text(text, "my.yaml").apply(outer);
  };
}

TEST(Settings, AnOptionThatStandsForOneNamesItselfInErrors) {
  Outer outer;
  SettingsLayer::from_option("--gamma", "inner.gamma", "0.5").apply(outer);
  EXPECT_EQ(outer.inner.gamma, 0.5);
  const auto failure_of = [&](std::string_view key, std::string_view value) {
    try {
      SettingsLayer::from_option("--it", key, value).apply(outer);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(failure_of("count", "0"), "--it is 0; it must be between 1 and 100");
  EXPECT_EQ(failure_of("inner.shape", "oval"), "--it is 'oval'; it must be round or square");
  EXPECT_THAT(failure_of("count", "[1"), HasSubstr("--it: the value is not YAML: "));
}

TEST(Settings, AnAbsentKeyLeavesItsFieldAlone) {
  Outer outer;
  SettingsLayer::from_text("inner: {gamma: 0.5}\nlayers: [1, 2, 3]", "t").apply(outer);
  EXPECT_EQ(outer.inner.gamma, 0.5);
  EXPECT_EQ(outer.inner.shape, Shape::round);
  EXPECT_EQ(outer.layers, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(outer.count, 3);
}

TEST(Settings, AnEmptyTextChangesNothing) {
  Outer outer;
  SettingsLayer::from_text("", "t").apply(outer);
  EXPECT_EQ(outer.count, 3);
}

TEST(Settings, JsonIsReadAsWell) {
  Outer outer;
  SettingsLayer::from_text(R"({"inner": {"shape": "square"}, "on": false})", "t").apply(outer);
  EXPECT_EQ(outer.inner.shape, Shape::square);
  EXPECT_FALSE(outer.on);
}

TEST(Settings, AnUnknownKeyIsAnErrorThatNamesFileLineAndKey) {
  EXPECT_THAT(
      reading("count: 2\ninner:\n  gama: 1\n"),
      Fails(ErrorKind::settings, AllOf(HasSubstr("my.yaml:3"), HasSubstr("inner.gama"), HasSubstr("gamma"))));
}

TEST(Settings, AKeyThatStandsTwiceIsAnError) {
  EXPECT_THAT(reading("count: 2\non: true\ncount: 4\n"),
              Fails(ErrorKind::settings, AllOf(HasSubstr("my.yaml:3"), HasSubstr("count"))));
  EXPECT_THAT(reading("inner: {gamma: 1, gamma: 2}"), Fails(ErrorKind::settings, HasSubstr("inner.gamma")));
}

TEST(Settings, AKeyThatIsNoWordIsAnError) {
  EXPECT_THAT(reading("[1, 2]: 3"), Fails(ErrorKind::settings, HasSubstr("my.yaml:1")));
}

TEST(Settings, AWrongTypeIsAnError) {
  EXPECT_THAT(reading("count: many"), Fails(ErrorKind::settings, HasSubstr("my.yaml:1: count is 'many'")));
  EXPECT_THAT(reading("count: 2.5"), Fails(ErrorKind::settings, HasSubstr("whole number")));
  EXPECT_THAT(reading("count: [1]"), Fails(ErrorKind::settings, HasSubstr("whole number")));
  EXPECT_THAT(reading("layers: 6"), Fails(ErrorKind::settings, HasSubstr("list")));
  EXPECT_THAT(reading("inner: 6"), Fails(ErrorKind::settings, HasSubstr("inner")));
}

TEST(Settings, AValueOutOfRangeIsAnError) {
  EXPECT_THAT(reading("inner: {gamma: -1}"), Fails(ErrorKind::settings, HasSubstr("between 0 and 10")));
  EXPECT_THAT(reading("inner: {gamma: .nan}"), Fails(ErrorKind::settings, HasSubstr("between 0 and 10")));
  EXPECT_THAT(reading("layers: [0]"), Fails(ErrorKind::settings, HasSubstr("between 1 and 99")));
}

TEST(Settings, AnUnknownChoiceListsTheChoices) {
  EXPECT_THAT(reading("inner: {shape: oval}"), Fails(ErrorKind::settings, HasSubstr("round or square")));
}

TEST(Settings, BrokenYamlIsAnErrorWithItsLine) {
  EXPECT_THAT(reading("a: [1\nb: {"), Fails(ErrorKind::settings, HasSubstr("my.yaml:")));
}

TEST(Settings, AFailedLayerChangesNothing) {
  Outer outer;
  EXPECT_THAT([&] { SettingsLayer::from_text("count: 7\nname: y\ncnt: 1", "t").apply(outer); },
              Fails(ErrorKind::settings, HasSubstr("cnt")));
  EXPECT_EQ(outer.count, 3);
}

TEST(Settings, AnAssignmentReachesANestedKey) {
  Outer outer;
  SettingsLayer::from_assignment("inner.gamma=0.25").apply(outer);
  SettingsLayer::from_assignment("layers=[4]").apply(outer);
  EXPECT_EQ(outer.inner.gamma, 0.25);
  EXPECT_EQ(outer.layers, (std::vector<std::int64_t>{4}));
  EXPECT_THAT([&] { SettingsLayer::from_assignment("inner.gamma"); },
              Fails(ErrorKind::settings, HasSubstr("inner.gamma")));
  EXPECT_THAT([&] { SettingsLayer::from_assignment("inner.nothing=1").apply(outer); },
              Fails(ErrorKind::settings, HasSubstr("inner.nothing")));
  EXPECT_THAT([&] { SettingsLayer::from_assignment("layers=6").apply(outer); },
              Fails(ErrorKind::settings, HasSubstr("--set layers=6: layers must be")));
}

TEST(Settings, WhatIsWrittenReadsBackTheSame) {
  Outer outer;
  outer.inner.gamma = 0.1;
  outer.name = "yes: \"quoted\" #no";
  outer.words = {"", "1", "true"};
  Outer again;
  SettingsLayer::from_text(settings_yaml(outer), "t").apply(again);
  EXPECT_EQ(settings_json(outer), settings_json(again));
  EXPECT_EQ(again.inner.gamma, 0.1);
}

TEST(Settings, HelpNamesEveryKeyWithItsRange) {
  const auto help = settings_help(Outer{});
  EXPECT_THAT(help, HasSubstr("inner.gamma"));
  EXPECT_THAT(help, HasSubstr("0 .. 10"));
  EXPECT_THAT(help, HasSubstr("round or square"));
}

TEST(Settings, ThatAProgramFilledInAreCheckedLikeThoseOfAFile) {
  EXPECT_NO_THROW(require_in_range(Outer{}, ""));
  Outer outer;
  outer.inner.gamma = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT([&] { require_in_range(outer, ""); },
              Fails(ErrorKind::settings, HasSubstr("inner.gamma is nan; it must be between 0 and 10")));
  outer.inner.gamma = 11;
  EXPECT_THAT([&] { require_in_range(outer.inner, "some"); },
              Fails(ErrorKind::settings, HasSubstr("some.gamma is 11; it must be between 0 and 10")));
  outer = {};
  outer.layers = {1, -1000000};
  EXPECT_THAT([&] { require_in_range(outer, ""); },
              Fails(ErrorKind::settings, HasSubstr("layers is -1000000")));
}

TEST(Settings, AnEnumWithoutANameIsRefusedWhateverIsDoneWithIt) {
  Outer outer;
  outer.inner.shape = static_cast<Shape>(77);
  const std::string message = "shape is a number without a name; it must be round or square";
  EXPECT_THAT([&] { require_in_range(outer, ""); }, Fails(ErrorKind::settings, HasSubstr("inner." + message)));
  EXPECT_THAT([&] { settings_yaml(outer); }, Fails(ErrorKind::settings, HasSubstr(message)));
  EXPECT_THAT([&] { SettingsLayer::from_text("count: 3", "t").apply(outer); },
              Fails(ErrorKind::settings, HasSubstr(message)));
  EXPECT_NO_THROW(SettingsLayer::from_text("inner: {shape: round}", "t").apply(outer));
}

}  // namespace
}  // namespace res2clip
