//! Keys with dots: which part of a plan `mixing.delay_ms_mean` or `clients.0.count` is.
//!
//! What stands in the scenario may be named without `scenario.`. Setting the tag of a table (`kind`, `strategy`) begins
//! the table afresh, as the other keys belong to the kind that it was.

use toml::Value;

/// What a plan consists of; every other first part of a key is of the scenario.
const ROOTS: [&str; 8] =
    ["name", "question", "seed", "replications", "scenario", "sweep", "attack", "fail_if"];

/// The tags of tables in a scenario.
const TAGS: [&str; 2] = ["kind", "strategy"];

/// The parts of a key, from the root of the plan.
pub(crate) fn parts(key: &str) -> Vec<String> {
    let named = key.split('.').map(str::to_owned);
    match key.split('.').next() {
        Some(first) if ROOTS.contains(&first) => named.collect(),
        _ => std::iter::once("scenario".to_owned()).chain(named).collect(),
    }
}

/// Whether setting this part makes its table one of another kind.
pub(super) fn is_tag(part: &str) -> bool {
    TAGS.contains(&part)
}

/// Whether two keys are of one place, or one is within the other.
pub(crate) fn overlap(left: &[String], right: &[String]) -> bool {
    left.iter().zip(right).all(|(a, b)| a == b)
}

/// The value at a place.
pub(crate) fn get<'a>(root: &'a Value, parts: &[String]) -> Option<&'a Value> {
    parts.iter().try_fold(root, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part.as_str()),
    })
}

/// Puts a value in a place. Tables that are not there are made: whether they may be is for the type to say.
///
/// # Errors
/// What is in the way: a number below which nothing can stand, an element that a list has not got.
pub(super) fn put(root: &mut Value, parts: &[String], value: Value) -> Result<(), String> {
    let Some((last, before)) = parts.split_last() else { return Ok(()) };
    let mut target = root;
    for part in before {
        target = match target {
            Value::Table(table) => {
                table.entry(part.clone()).or_insert_with(|| Value::Table(toml::Table::new()))
            }
            Value::Array(items) => element(items, part)?,
            _ => return Err(format!("`{part}` cannot stand below a single value")),
        };
    }
    match target {
        Value::Table(table) => {
            if is_tag(last) && table.get(last) != Some(&value) {
                table.clear();
            }
            table.insert(last.clone(), value);
        }
        Value::Array(items) => *element(items, last)? = value,
        _ => return Err(format!("`{last}` cannot stand below a single value")),
    }
    Ok(())
}

fn element<'a>(items: &'a mut [Value], part: &str) -> Result<&'a mut Value, String> {
    let count = items.len();
    part.parse::<usize>().ok().and_then(|index| items.get_mut(index)).ok_or_else(|| no_element(part, count))
}

/// What is said of a number that a list has not got.
pub(super) fn no_element(part: &str, count: usize) -> String {
    match count {
        0 => format!("`{part}` is of a list that is empty"),
        _ => format!("`{part}` is no element of its list; allowed: 0 to {}", count - 1),
    }
}
