//! The report as one page: it loads nothing, and is read without its script, which only sorts tables.
//!
//! The page is XML, too, so that a strict parser can check it.

use std::collections::BTreeSet;

use super::findings::Study;
use super::number::{clean, count, escape, number};
use super::plots;
use super::tables;
use crate::results::Results;

/// How the page looks.
const STYLE: &str = include_str!("page.css");
/// Sorts tables by a click on a head. It has neither `<` nor `&`, which a page that is XML would have to escape.
const SCRIPT: &str = include_str!("sort.js");
/// The most characters of a plan, a question or a command that are shown.
const TEXT_CHARACTERS_MAX: usize = 100_000;
/// The most hashes, versions and invalid runs that are listed one by one.
const LISTED_MAX: usize = 20;

/// What every model of this crate leaves out.
const LIMITS: [&str; 6] = [
    "In the traffic model all packets are alike: nothing is learnt from sizes, encryption or faults of software.",
    "What adversaries conclude is what the attacks of this plan conclude. An attack that is not in it can do better.",
    "Users behave as the plan says. Real users have habits that it may not have.",
    "Links are as fast as the plan says whatever they carry: there are no queues and no congestion.",
    "An interval says how much replications differ by chance. It says nothing about whether the plan resembles the world.",
    "The largest of several measured advantages is larger than the largest true one on average: noise counts for the adversary.",
];

/// How the rows were made, beyond what stands in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The plan's text, as it was read.
    pub plan: String,
    /// The command that makes the same rows again.
    pub command: String,
    /// The plan's seed, of which each run's is derived.
    pub seed: Option<u64>,
    /// Limits of this model that the report has to name beyond those of every one.
    pub limits: Vec<String>,
}

/// The report of a plan's rows.
#[must_use]
pub fn html(results: &Results, extra: &Provenance) -> String {
    let study = Study::of(results);
    let name = escape(&clean(&results.name, TEXT_CHARACTERS_MAX));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{name}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n"
    );
    page.push_str(&banner(&study));
    page.push_str("<nav aria-label=\"Sections\"><ul>");
    for (id, title, _) in SECTIONS {
        page.push_str(&format!("<li><a href=\"#{id}\">{title}</a></li>"));
    }
    page.push_str("</ul></nav>\n</header>\n<main>\n");
    for (id, title, section) in SECTIONS {
        let body = section(&study, extra);
        page.push_str(&format!(
            "<section id=\"{id}\" aria-labelledby=\"h-{id}\">\n<h2 id=\"h-{id}\">{title}</h2>\n"
        ));
        page.push_str(&body);
        page.push_str("</section>\n");
    }
    page.push_str(&format!("</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
    page
}

type Section = (&'static str, &'static str, fn(&Study<'_>, &Provenance) -> String);

/// The sections in their order: id, title, what makes it.
const SECTIONS: [Section; 7] = [
    ("question", "Question", question),
    ("answer", "Answer", answer),
    ("validity", "Validity", validity),
    ("plots", "Plots", plots_section),
    ("tables", "Tables", tables_section),
    ("made", "How it was made", made),
    ("limits", "Limits of the model", limits),
];

/// Says at the top that something is not valid, and by which closed form.
fn banner(study: &Study<'_>) -> String {
    let validity = &study.validity;
    if validity.rows_invalid == 0 {
        return String::new();
    }
    let forms: BTreeSet<&str> = validity
        .deviations
        .iter()
        .map(|deviation| deviation.form.as_str())
        .filter(|form| !form.is_empty())
        .collect();
    let why = if forms.is_empty() {
        "they say so themselves, without a closed form that is outside".to_owned()
    } else {
        let forms: Vec<String> = forms
            .iter()
            .take(LISTED_MAX)
            .map(|form| format!("<code>{}</code>", escape(&clean(form, 80))))
            .collect();
        format!("outside the tolerance of {}", forms.join(", "))
    };
    format!(
        "<p class=\"invalid\" role=\"alert\"><strong>INVALID</strong>: {} of {} must not be believed: {why}.</p>\n",
        validity.rows_invalid,
        count(study.results.rows.len(), "run"),
    )
}

fn question(study: &Study<'_>, _: &Provenance) -> String {
    let question = clean(&study.results.question, TEXT_CHARACTERS_MAX);
    if question.trim().is_empty() {
        return "<p class=\"note\">The plan does not say what it asks.</p>\n".to_owned();
    }
    format!("<p class=\"question\">{}</p>\n", escape(&question))
}

fn answer(study: &Study<'_>, _: &Provenance) -> String {
    if study.results.rows.is_empty() {
        return "<p>There are no rows: nothing has run.</p>\n".to_owned();
    }
    let sentences: String = study
        .sentences()
        .iter()
        .map(|sentence| format!("<li>{}</li>\n", escape(&clean(sentence, 2000))))
        .collect();
    let cautions: String = study
        .cautions()
        .iter()
        .map(|caution| {
            format!("<p class=\"caution\"><strong>Caution</strong>: {}</p>\n", escape(&clean(caution, 2000)))
        })
        .collect();
    format!(
        "<ul>\n{sentences}</ul>\n{cautions}<p class=\"note\">Numbers in brackets are 95 % intervals of means.</p>\n"
    )
}

fn validity(study: &Study<'_>, _: &Provenance) -> String {
    let validity = &study.validity;
    let rows = study.results.rows.len();
    let mut html = match (validity.rows_checked, validity.rows_invalid) {
        (0, 0) => "<p>No run was compared with a closed form: validity is not known.</p>\n".to_owned(),
        (checked, 0) => format!(
            "<p>Valid: {} beside {}, nothing outside its tolerance.</p>\n",
            count(checked, "run"),
            count(study.forms.len(), "closed form")
        ),
        (_, invalid) => format!("<p><strong>INVALID</strong>: {invalid} of {}.</p>\n", count(rows, "run")),
    };
    if validity.rows_checked > 0 && validity.rows_checked < rows {
        let unchecked = count(rows - validity.rows_checked, "run");
        html.push_str(&format!("<p>{unchecked} could not be compared with a closed form.</p>\n"));
    }
    for point in study.summary.points.iter().filter(|point| point.config_hashes.len() > 1).take(LISTED_MAX) {
        html.push_str(&format!(
            "<p><strong>Mixed</strong>: point {} has runs of {}, so that its means say nothing.</p>\n",
            point.point,
            count(point.config_hashes.len(), "configuration")
        ));
    }
    let listed: String = validity
        .deviations
        .iter()
        .take(LISTED_MAX)
        .map(|deviation| {
            let run = format!("point {}, replication {}", deviation.point, deviation.replication);
            if deviation.form.is_empty() {
                return format!("<li>{run}: the run itself says that it is not valid.</li>\n");
            }
            format!(
                "<li>{run}: <code>{}</code> expects {} with a tolerance of {}, measured was {}.</li>\n",
                escape(&clean(&deviation.form, 80)),
                number(deviation.expected),
                number(deviation.tolerance),
                number(deviation.measured),
            )
        })
        .collect();
    if !listed.is_empty() {
        html.push_str(&format!("<ul>\n{listed}</ul>\n"));
    }
    let more = validity.deviations.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        html.push_str(&format!("<p class=\"note\">And {more} more.</p>\n"));
    }
    html
}

fn plots_section(study: &Study<'_>, _: &Provenance) -> String {
    let plots = plots::of_study(study);
    if plots.is_empty() {
        return "<p>No measure that can be drawn was measured.</p>\n".to_owned();
    }
    let figure = |plot: &super::Plot| {
        let (title, description) = (escape(&plot.title), escape(&plot.description));
        format!("<figure>\n<h3>{title}</h3>\n{}<figcaption>{description}</figcaption>\n</figure>\n", plot.svg)
    };
    plots.iter().map(figure).collect()
}

fn tables_section(study: &Study<'_>, _: &Provenance) -> String {
    let folded = |title: &str, table: String| {
        if table.is_empty() {
            return String::new();
        }
        format!("<details>\n<summary>{title}</summary>\n{table}</details>\n")
    };
    let mut html = tables::points(study);
    html.push_str(&tables::attacks(study));
    html.push_str(&folded("Closed forms, run by run", tables::closed_form_rows(study)));
    html.push_str(&folded("All measures", tables::measures(study)));
    html
}

fn made(study: &Study<'_>, extra: &Provenance) -> String {
    let rows = &study.results.rows;
    let list = |of: BTreeSet<&str>| {
        let shown: Vec<String> = of
            .iter()
            .take(LISTED_MAX)
            .map(|one| format!("<code>{}</code>", escape(&clean(one, 100))))
            .collect();
        let more = of.len().saturating_sub(LISTED_MAX);
        let rest = if more > 0 { format!(" and {more} more, in the CSV") } else { String::new() };
        format!("{}{rest}", shown.join(", "))
    };
    let versions = list(rows.iter().map(|row| row.version.as_str()).collect());
    let hashes = list(rows.iter().map(|row| row.config_hash.as_str()).collect());
    let seed =
        extra.seed.map_or("not known; the CSV has the seed of each run".to_owned(), |seed| seed.to_string());
    let mut html = format!(
        "<table id=\"provenance\">\n<caption>What the rows are made of</caption>\n<tbody>\n\
         <tr><th scope=\"row\">Program</th><td>{versions}</td></tr>\n\
         <tr><th scope=\"row\">Seed</th><td>{seed}</td></tr>\n\
         <tr><th scope=\"row\">Runs</th><td>{}</td></tr>\n\
         <tr><th scope=\"row\">Configurations (SHA-256)</th><td>{hashes}</td></tr>\n</tbody>\n</table>\n",
        rows.len(),
    );
    for (title, text) in [("To make the same again", &extra.command), ("The plan", &extra.plan)] {
        if !text.trim().is_empty() {
            let text = escape(&clean(text, TEXT_CHARACTERS_MAX));
            html.push_str(&format!("<h3>{title}</h3>\n<pre><code>{text}</code></pre>\n"));
        }
    }
    html
}

fn limits(_: &Study<'_>, extra: &Provenance) -> String {
    let all = LIMITS.into_iter().chain(extra.limits.iter().map(String::as_str));
    let items: String = all.map(|limit| format!("<li>{}</li>\n", escape(&clean(limit, 2000)))).collect();
    format!("<ul>\n{items}</ul>\n")
}
