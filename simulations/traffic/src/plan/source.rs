//! The text of a plan with what `--set` puts into it, and where in them everything stands.
//!
//! Every value has a span. What comes from the command line has spans behind the end of the file's text, one range for
//! each `--set`, so that one kind of position serves for both.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key;
use super::refusal::{Place, PlanFault, PlanRefusal, unknown_field, with_suggestion};

/// The longest plan, in bytes.
const PLAN_BYTES_MAX: u64 = 4 << 20;

/// One `--set`.
#[derive(Clone, Debug)]
struct Set {
    /// As it was given.
    given: String,
    parts: Vec<String>,
    /// `v = VALUE` behind so many blanks that its spans are its own.
    padded: String,
    /// The defaults of the scenario, behind as many: what is not in the plan is taken from them.
    defaults: String,
    span: Range<usize>,
}

/// A plan's text, and what is set in it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    file: PathBuf,
    text: String,
    sets: Vec<Set>,
}

impl Source {
    /// Reads the file.
    pub(super) fn read(file: &Path, sets: &[String], defaults: &str) -> Result<Self, PlanRefusal> {
        let unreadable = |what: String| PlanRefusal {
            fault: PlanFault::Unreadable,
            place: Place::File { file: file.to_path_buf(), line: 1, column: 1 },
            what,
        };
        let size =
            std::fs::metadata(file).map_err(|error| unreadable(format!("cannot read: {error}")))?.len();
        if size > PLAN_BYTES_MAX {
            return Err(unreadable(format!("the plan has {size} bytes; allowed: up to {PLAN_BYTES_MAX}")));
        }
        let text =
            std::fs::read_to_string(file).map_err(|error| unreadable(format!("cannot read: {error}")))?;
        Self::new(file, text, sets, defaults)
    }

    /// From a text.
    pub(super) fn new(
        file: &Path,
        text: String,
        sets: &[String],
        defaults: &str,
    ) -> Result<Self, PlanRefusal> {
        let mut end = text.len() + 1;
        let mut read = Vec::with_capacity(sets.len());
        for given in sets {
            let set = Set::read(given, end, defaults)?;
            end = set.span.end;
            read.push(set);
        }
        Ok(Self { file: file.to_path_buf(), text, sets: read })
    }

    /// The text of the file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the file, without its directories.
    pub(super) fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What was set, as it was given.
    pub(super) fn sets(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.given.as_str())
    }

    /// The directory that relative names of files are of.
    pub(super) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new(""))
    }

    /// Reads the plan as what it should be.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, PlanRefusal> {
        let table = self.table()?;
        T::deserialize(toml::de::Deserializer::from(table.clone())).map_err(|error| {
            let message = error.message();
            let span = error.span().unwrap_or(0..0);
            // Of a table with a tag, serde tells no more than where the table is.
            let span = unknown_field(message)
                .and_then(|name| key_within(table.get_ref(), name, &span))
                .unwrap_or(span);
            self.refusal(PlanFault::Shape, span.start, with_suggestion(message))
        })
    }

    fn table(&self) -> Result<Spanned<DeTable<'_>>, PlanRefusal> {
        let mut table = DeTable::parse(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.refusal(PlanFault::Shape, at, with_suggestion(error.message()))
        })?;
        for set in &self.sets {
            set.apply(table.get_mut()).map_err(|what| self.refusal(PlanFault::Set, set.span.start, what))?;
        }
        Ok(table)
    }

    /// A refusal of what stands at this position.
    pub(super) fn refusal(&self, fault: PlanFault, at: usize, what: impl Into<String>) -> PlanRefusal {
        let set = self.sets.iter().find(|set| set.span.contains(&at));
        let place = match set {
            Some(set) => Place::Set(set.given.clone()),
            None => {
                let before = self.text.get(..at).unwrap_or(&self.text);
                let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
                Place::File {
                    file: self.file.clone(),
                    line: before.matches('\n').count() + 1,
                    column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
                }
            }
        };
        PlanRefusal { fault, place, what: what.into() }
    }

    /// Where a key stands, or the nearest table above it.
    pub(super) fn position(&self, parts: &[String]) -> usize {
        self.table().map_or(0, |table| position_in(table.get_ref(), parts))
    }
}

impl Set {
    fn read(given: &str, from: usize, defaults: &str) -> Result<Self, PlanRefusal> {
        let refused =
            |what: String| PlanRefusal { fault: PlanFault::Set, place: Place::Set(given.to_owned()), what };
        let (key, value) = given
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .filter(|(key, value)| !value.is_empty() && key.split('.').all(|part| !part.is_empty()))
            .ok_or_else(|| refused("expected KEY=VALUE, such as mixing.delay_ms_mean=200".to_owned()))?;
        let blanks = " ".repeat(from);
        // A word without quotes is a string: shells take the quotes away.
        let literal = format!("v = {value}");
        let quoted = format!("v = {}", toml::Value::String(value.to_owned()));
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-_./:".contains(c));
        let fragment = match DeTable::parse(&literal) {
            Ok(_) => literal,
            Err(_) if is_word(value) => quoted,
            Err(error) => {
                let reason = error.message().trim().replace('\n', " ");
                return Err(refused(format!(
                    "{reason}; the value has to be one of TOML, such as 3, 0.5, true, \"text\", [1, 2]"
                )));
            }
        };
        let span = from..from + fragment.len().max(defaults.len()) + 1;
        Ok(Self {
            given: given.to_owned(),
            parts: key::parts(key),
            padded: format!("{blanks}{fragment}"),
            defaults: format!("{blanks}{defaults}"),
            span,
        })
    }

    fn apply<'a>(&'a self, root: &mut DeTable<'a>) -> Result<(), String> {
        let not_toml = |error: toml::de::Error| error.message().to_owned();
        let mut fragment = DeTable::parse(&self.padded).map_err(not_toml)?;
        let value = fragment.get_mut().remove("v").ok_or("the value is missing")?;
        let defaults = DeTable::parse(&self.defaults).map_err(not_toml)?;
        put(root, Some(defaults.get_ref()), &self.parts, &value, &self.span)
    }
}

/// Puts a value into a table; tables above it that are not there come from the defaults.
fn put<'a>(
    table: &mut DeTable<'a>,
    defaults: Option<&DeTable<'a>>,
    parts: &[String],
    value: &Spanned<DeValue<'a>>,
    span: &Range<usize>,
) -> Result<(), String> {
    let Some((first, rest)) = parts.split_first() else { return Ok(()) };
    if rest.is_empty() {
        // A sweep has a `kind`, too, which no default of the scenario has.
        let is_tag =
            key::is_tag(first) && defaults.is_some_and(|defaults| defaults.contains_key(first.as_str()));
        let is_same = table
            .get(first.as_str())
            .is_some_and(|known| known.get_ref().as_str() == value.get_ref().as_str());
        if is_tag && !is_same {
            table.clear();
        }
        table.remove(first.as_str());
        table.insert(Spanned::new(span.clone(), first.clone().into()), value.clone());
        return Ok(());
    }
    let default = defaults.and_then(|defaults| defaults.get(first.as_str()));
    if !table.contains_key(first.as_str()) {
        let made =
            default.cloned().unwrap_or_else(|| Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
        table.insert(Spanned::new(span.clone(), first.clone().into()), made);
    }
    let Some(below) = table.get_mut(first.as_str()) else { return Ok(()) };
    descend(below, default, rest, value, span)
}

fn descend<'a>(
    target: &mut Spanned<DeValue<'a>>,
    default: Option<&Spanned<DeValue<'a>>>,
    parts: &[String],
    value: &Spanned<DeValue<'a>>,
    span: &Range<usize>,
) -> Result<(), String> {
    match target.get_mut() {
        DeValue::Table(table) => {
            let defaults = default.and_then(|default| default.get_ref().as_table());
            put(table, defaults, parts, value, span)
        }
        DeValue::Array(items) => {
            let Some((first, rest)) = parts.split_first() else { return Ok(()) };
            let count = items.len();
            let item = first
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .ok_or_else(|| key::no_element(first, count))?;
            if rest.is_empty() {
                *item = value.clone();
                return Ok(());
            }
            // Lists of tables in a scenario have one element by default, which the others resemble.
            let like = default.and_then(|default| default.get_ref().get(0_usize));
            descend(item, like, rest, value, span)
        }
        _ => Err(format!("`{}` cannot stand below a single value", parts.join("."))),
    }
}

fn position_in(root: &DeTable<'_>, parts: &[String]) -> usize {
    let mut at = 0;
    let mut table = Some(root);
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for part in parts {
        let next = match (table, value) {
            (Some(table), _) => table.get_key_value(part.as_str()).map(|(key, next)| (key.span(), next)),
            (None, Some(value)) => part
                .parse::<usize>()
                .ok()
                .and_then(|index| value.get_ref().get(index))
                .map(|next| (next.span(), next)),
            (None, None) => None,
        };
        let Some((span, next)) = next else { break };
        at = span.start;
        table = next.get_ref().as_table();
        value = Some(next);
    }
    at
}

/// The key of this name in the table of this span, or in any within it.
fn key_within(table: &DeTable<'_>, name: &str, span: &Range<usize>) -> Option<Range<usize>> {
    fn search(value: &Spanned<DeValue<'_>>, name: &str, span: &Range<usize>) -> Option<Range<usize>> {
        match value.get_ref() {
            DeValue::Table(table) if value.span() == *span => {
                table.get_key_value(name).map(|(key, _)| key.span())
            }
            DeValue::Table(table) => table.values().find_map(|value| search(value, name, span)),
            DeValue::Array(items) => items.iter().find_map(|value| search(value, name, span)),
            _ => None,
        }
    }
    table.values().find_map(|value| search(value, name, span))
}
