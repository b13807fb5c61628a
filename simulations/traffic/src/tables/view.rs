//! An adversary's view as tables, for those who bring an attack of their own; and the truth, apart from it.
//!
//! Passages are numbered by their place among those that are seen: gaps would count the others. Parties have their names, times are nanoseconds since the beginning, and empty where something did not happen.

use std::io::Write;

use super::TableError;
use crate::observer::{Fact, WireId};
use crate::party::{Layout, Party};
use crate::time::SimTime;
use crate::view::{MessageTruth, Recording, View};

/// The passages that are seen: `wire`, `sent_ns`, `arrived_ns`, `from`, `to`.
///
/// # Errors
/// What the writer says.
pub fn wires(view: &View<'_>, out: impl Write) -> Result<(), TableError> {
    let rows = view.wires.iter().enumerate().map(|(number, wire)| {
        [
            number.to_string(),
            time(wire.sent),
            time(wire.arrived),
            name(view.layout, wire.from),
            name(view.layout, wire.to),
        ]
    });
    table(["wire", "sent_ns", "arrived_ns", "from", "to"], rows, out)
}

/// When clients are connected, where that is seen: `client`, `from_ns`, `until_ns`.
///
/// # Errors
/// What the writer says.
pub fn presence(view: &View<'_>, out: impl Write) -> Result<(), TableError> {
    let rows = view
        .presence
        .iter()
        .map(|presence| [name(view.layout, presence.client), time(presence.from), time(presence.until)]);
    table(["client", "from_ns", "until_ns"], rows, out)
}

/// What corrupt mailboxes see: `at_ns`, `mailbox`, `box`, `write`, `found`, `wire`.
///
/// # Errors
/// What the writer says.
pub fn boxes(view: &View<'_>, out: impl Write) -> Result<(), TableError> {
    let rows = view.boxes.iter().map(|event| {
        [
            time(event.at),
            name(view.layout, event.mailbox),
            event.name.to_string(),
            event.is_write.to_string(),
            event.found.to_string(),
            number(view, event.wire),
        ]
    });
    table(["at_ns", "mailbox", "box", "write", "found", "wire"], rows, out)
}

/// What corrupt nodes forward: `node`, `incoming`, `outgoing`.
///
/// # Errors
/// What the writer says.
pub fn forwarded(view: &View<'_>, out: impl Write) -> Result<(), TableError> {
    let rows = view.forwarded.iter().map(|(node, incoming, outgoing)| {
        [name(view.layout, *node), number(view, *incoming), number(view, *outgoing)]
    });
    table(["node", "incoming", "outgoing"], rows, out)
}

/// What every passage really was: `wire` (empty if the view does not have it), `packet`, `kind`, `message`.
///
/// # Errors
/// What the writer says.
pub fn truth(view: &View<'_>, recording: &Recording, out: impl Write) -> Result<(), TableError> {
    let rows = recording.wires.iter().zip(&recording.facts).map(|(wire, fact)| {
        let Fact { packet, kind, message } = fact;
        let message = message.map(|message| message.to_string()).unwrap_or_default();
        [number(view, wire.id), packet.to_string(), format!("{kind:?}"), message]
    });
    table(["wire", "packet", "kind", "message"], rows, out)
}

/// What every message really was: `message`, `sender`, `recipient`, and the times of its life.
///
/// # Errors
/// What the writer says.
pub fn truth_messages(recording: &Recording, layout: &Layout, out: impl Write) -> Result<(), TableError> {
    let rows = recording.messages.iter().enumerate().map(|(number, message)| {
        let MessageTruth { sender, recipient, written, released, stored, received } = *message;
        [
            number.to_string(),
            name(layout, sender),
            name(layout, recipient),
            time(written),
            time(released),
            time(stored),
            time(received),
        ]
    });
    let names = ["message", "sender", "recipient", "written_ns", "released_ns", "stored_ns", "received_ns"];
    table(names, rows, out)
}

fn table<const N: usize>(
    names: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    out: impl Write,
) -> Result<(), TableError> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(names).map_err(TableError::new)?;
    for row in rows {
        writer.write_record(row).map_err(TableError::new)?;
    }
    writer.flush().map_err(TableError::new)
}

/// The place of a passage among those that are seen; nothing if it is not.
fn number(view: &View<'_>, wire: WireId) -> String {
    let place = view.wires.binary_search_by_key(&wire, |seen| seen.id);
    place.map(|place| place.to_string()).unwrap_or_default()
}

fn name(layout: &Layout, party: Party) -> String {
    layout.role(party).map(|role| role.to_string()).unwrap_or_default()
}

fn time(at: SimTime) -> String {
    if at == SimTime::NEVER { String::new() } else { at.as_nanos().to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::record;
    use crate::random::Seed;
    use crate::scenario::Scenario;
    use crate::view::Sight;

    fn rows(write: impl FnOnce(&mut Vec<u8>)) -> Vec<BTreeMap<String, String>> {
        let mut text = Vec::new();
        write(&mut text);
        ::csv::Reader::from_reader(text.as_slice()).deserialize().map(Result::unwrap).collect()
    }

    #[test]
    fn a_view_is_written_whole_and_without_the_truth() {
        let mut scenario = Scenario { duration_s: 20.0, warmup_s: 5.0, ..Scenario::default() };
        scenario.clients[0].count = 8;
        scenario.corruption.nodes = vec!["mailbox-0".to_owned(), "mix-1-0".to_owned()];
        let run = record(&scenario, Seed::new(3), None).unwrap();
        let view = View::of(&run.recording, &run.layout, &scenario, Sight::Edges, &run.corrupt, run.window);
        let seen = rows(|out| wires(&view, out).unwrap());
        assert_eq!(seen.len(), view.wires.len());
        assert!(seen.len() > 100 && seen.len() < run.recording.wires.len(), "{}", seen.len());
        for (number, (row, wire)) in seen.iter().zip(view.wires.iter()).enumerate() {
            // No gaps: they would tell how many passages are not seen.
            assert_eq!(row["wire"], number.to_string());
            assert_eq!(row.keys().collect::<Vec<_>>(), ["arrived_ns", "from", "sent_ns", "to", "wire"]);
            assert_eq!(run.layout.by_name(&row["from"]), Some(wire.from));
            assert_eq!(run.layout.by_name(&row["to"]), Some(wire.to));
            assert_eq!(row["sent_ns"].parse(), Ok(wire.sent.as_nanos()));
        }
        let told = rows(|out| forwarded(&view, out).unwrap());
        assert_eq!(told.len(), view.forwarded.len());
        for row in &told {
            let passage = |end: &str| &seen[row[end].parse::<usize>().unwrap()];
            assert_eq!(passage("incoming")["to"], row["node"]);
            assert_eq!(passage("outgoing")["from"], row["node"]);
        }
        assert_eq!(rows(|out| boxes(&view, out).unwrap()).len(), view.boxes.len());
        assert_eq!(rows(|out| presence(&view, out).unwrap()).len(), 8);
        assert!(!view.boxes.is_empty() && !view.forwarded.is_empty());
        let truth_rows = rows(|out| truth(&view, &run.recording, out).unwrap());
        assert_eq!(truth_rows.len(), run.recording.wires.len());
        assert_eq!(truth_rows.iter().filter(|row| !row["wire"].is_empty()).count(), seen.len());
        let messages = rows(|out| truth_messages(&run.recording, &run.layout, out).unwrap());
        assert_eq!(messages.len(), run.recording.messages.len());
    }
}
