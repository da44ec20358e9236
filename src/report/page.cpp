#include "res2clip/core/html.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/report/report.hpp"

#include "gallery.hpp"
#include "svg.hpp"
#include "text.hpp"

namespace res2clip {
namespace {

constexpr std::string_view kStyle = R"(
:root{--ink:#1b1d22;--faint:#666c78;--line:#d9dce3;--back:#fff;--blue:#1f6feb;--red:#d1453b}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ee;--faint:#9aa1af;--line:#363b46;--back:#16181d;--blue:#6ea8ff;--red:#ff7b72}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1100px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}h3{font-size:1.05em;margin-bottom:.3em}h4{font-size:.95em;margin:.8em 0 .3em}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25em .7em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}
table.sorts th{cursor:pointer}tr.mean td{font-weight:600;border-top:2px solid var(--line)}tr.paper td{color:var(--faint)}
.plots{display:flex;flex-wrap:wrap;gap:1em}.plots svg{width:300px;max-width:100%}
svg text{font:10px system-ui,sans-serif;fill:var(--faint)}.axis{stroke:var(--faint)}.guess{stroke:var(--line);stroke-dasharray:3 3}
.curve{fill:none;stroke:var(--blue);stroke-width:1.8}rect.normal{fill:var(--blue)}rect.anomalous{fill:var(--red)}
line.f1{stroke:var(--ink);stroke-width:1.4}line.percentile{stroke:var(--faint);stroke-width:1.4;stroke-dasharray:4 3}
.gallery{display:flex;flex-wrap:wrap;gap:.8em}figure{margin:0}.tile{display:inline-block;margin-right:4px}.tile img{display:block;border-radius:3px}.tile small{color:var(--faint)}
figcaption{font-size:.8em;color:var(--faint);overflow-wrap:anywhere}.absent{border:1px dashed var(--line);padding:2em 1em;color:var(--faint)}
pre{overflow-x:auto;border:1px solid var(--line);padding:.7em;font-size:.85em}summary{cursor:pointer}summary h2{display:inline-block;margin:1em 0 .3em}.note{color:var(--faint)}
)";

constexpr std::size_t kOpenRuns = 4;  ///< of more runs all are folded

/// Sorting is all that it does; without it the page reads the same.
constexpr std::string_view kScript = R"(
document.querySelectorAll("table.sorts").forEach(function(table){
  table.querySelectorAll("th").forEach(function(head,column){
    head.addEventListener("click",function(){
      var body=table.tBodies[0],down=head.dataset.down!=="1";head.dataset.down=down?"1":"0";
      Array.from(body.rows).sort(function(a,b){
        var x=a.cells[column].textContent,y=b.cells[column].textContent,p=parseFloat(x),q=parseFloat(y);
        var order=column>0?(isNaN(p)?-1:p)-(isNaN(q)?-1:q):x.localeCompare(y);return down&&column>0?-order:down?order:-order;
      }).forEach(function(row){body.appendChild(row);});
    });
  });
});
)";

std::string row_html(const std::string& kind, const std::string& name, const auto& cells) {
  std::string text =
      "<tr" + (kind.empty() ? "" : " class=\"" + kind + "\"") + "><td>" + html_text(name) + "</td>";
  for (const std::string& cell : cells) text += "<td>" + html_text(cell) + "</td>";
  return text + "</tr>";
}

std::string head_html(const std::string& first) {
  std::string text = "<thead><tr><th>" + first + "</th>";
  for (const Metric metric : kMetrics) text += "<th>" + std::string(name_of(metric)) + "</th>";
  return text + "</tr></thead>";
}

std::array<std::string, kMetricCount> percents(const MetricValues& values) {
  std::array<std::string, kMetricCount> cells;
  for (std::size_t i = 0; i < kMetricCount; ++i) cells[i] = in_percent(values[i]);
  return cells;
}

std::string paper_rows(const ReportedRun& run) {
  std::array<std::string, kMetricCount> paper, difference;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const auto& figure = run.published[i];
    paper[i] = figure ? fixed(figure->mean, 1) : "–";
    if (figure && figure->deviation) paper[i] += " ± " + fixed(*figure->deviation, 1);
    difference[i] = difference_text(run.mean[i], figure);
  }
  return row_html("paper", "paper, " + run.paper, paper) + row_html("paper", "difference", difference);
}

std::string summary_html(std::span<const ReportedRun> runs) {
  std::string text =
      "<h2>Summary</h2><p class=\"note\">Means over classes in percent. A star: further from the paper's "
      "mean "
      "than its standard deviation over three runs.</p><div class=\"wide\"><table>" +
      head_html("run") + "<tbody>";
  for (const ReportedRun& run : runs) {
    text += row_html("", run.name, percents(run.mean));
    if (!run.paper.empty()) text += paper_rows(run);
  }
  text += "</tbody></table></div>";
  for (const ReportedRun& run : runs)
    if (!run.why_not.empty())
      text += "<p class=\"note\">" + html_text(run.name + " is not compared with the paper: " + run.why_not) +
              "</p>";
  return text;
}

std::string classes_html(const ReportedRun& run) {
  std::string text = "<div class=\"wide\"><table class=\"sorts\">" + head_html("class") + "<tbody>";
  for (const ReportedClass& one : run.classes) text += row_html("", one.name, percents(one.metrics));
  return text + "</tbody><tfoot>" + row_html("mean", "mean", percents(run.mean)) + "</tfoot></table></div>";
}

std::string threshold_text(const Thresholds& thresholds) {
  std::string text;
  if (thresholds.best_f1) text += "highest F1 from " + fixed(*thresholds.best_f1, 3) + " on (solid)";
  if (thresholds.percentile)
    text += (text.empty() ? "" : "; ") +
            ("95 % of the normal images up to " + fixed(*thresholds.percentile, 3) + " (dashed)");
  return text;
}

std::string class_html(const ReportedRun& run, const ReportedClass& one, const ReportOptions& options) {
  const auto roc = roc_curve(one.images), precision = precision_recall_curve(one.images);
  const Thresholds thresholds{best_f1_threshold(one.images), normal_percentile(one.images, 0.95)};
  std::string text = "<details><summary><b>" + html_text(one.name) + "</b>, " +
                     std::to_string(one.images.size()) + " images, I-AUROC " +
                     in_percent(one.metrics.front()) + "</summary>";
  if (one.images.empty()) return text + "<p>no test images</p></details>";
  text += "<div class=\"plots\">";
  if (!roc.empty())
    text += curve_svg(roc, "false-positive rate", "true-positive rate", true) +
            curve_svg(precision, "recall", "precision", false);
  text += histogram_svg(one.images, thresholds) +
          "</div><p class=\"note\">Image scores: " + html_text(threshold_text(thresholds)) +
          ". Blue: normal, red: anomalous.</p>";
  return text + gallery_html(run, one, options) + "</details>";
}

std::string provenance_html(const ReportedRun& run) {
  std::string text =
      "<details><summary>Provenance, remarks and settings</summary><div class=\"wide\"><table><tbody>";
  for (const auto& [name, value] : run.provenance)
    text += "<tr><td>" + html_text(name) + "</td><td>" + html_text(value) + "</td></tr>";
  text += "</tbody></table></div>";
  if (!run.remarks.empty()) {
    text += "<h4>Remarks</h4><ul>";
    for (const std::string& remark : run.remarks) text += "<li>" + html_text(remark) + "</li>";
    text += "</ul>";
  }
  return text + "<h4>settings.yaml</h4><pre>" + html_text(run.settings) + "</pre></details>";
}

}  // namespace

std::string report_html(std::span<const ReportedRun> runs, const ReportOptions& options) {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"/><title>res2clip report</title><style>" +
      std::string(kStyle) + "</style></head><body><h1>res2clip report</h1>\n" + summary_html(runs);
  for (const ReportedRun& run : runs) {
    text += "\n<details" + std::string(runs.size() <= kOpenRuns ? " open=\"open\"" : "") + "><summary><h2>" +
            html_text(run.name) + "</h2></summary>" + classes_html(run) + "<h3>Classes one by one</h3>";
    for (const ReportedClass& one : run.classes) text += "\n" + class_html(run, one, options);
    text += "\n" + provenance_html(run) + "</details>";
  }
  return text + "\n<p class=\"note\">res2clip " + html_text(version()) + "</p><script>" +
         std::string(kScript) + "</script></body></html>\n";
}

}  // namespace res2clip
