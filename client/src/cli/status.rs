//! `sotto status`: tells what is connected, what waits and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape, name, network, when};
use crate::core::{ConsensusState, ContactView, RouteState, RouteView, StatusView, UndeliveredView};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

const NO_DAEMON: &str = "not running. Packets flow only while a command runs, and so give away when you use Sotto; \
     messages arrive only then. Leave `sotto daemon` running.";

/// What somebody has to know who finds a locked profile.
const LOCKED: &str = "contacts and messages are closed, and none arrive; the cover traffic goes on. `sotto unlock` opens them.";

/// What everything waits for while nothing runs, whatever the engine of this command would say of itself.
const NOBODY_SENDS: &str = "no sotto process runs that would send it: start `sotto daemon`";

/// Show what is connected, what still waits and why.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// Show instead what the network costs: bytes a day of each class of cover traffic, bytes used since the start, and
    /// how long messages take.
    #[arg(long)]
    network: bool,
}

pub(super) async fn run(common: &Common, args: &StatusArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let method = if args.network { "network" } else { "status" };
        let mut status = connection.call(method, json!({})).await?;
        let daemon = if connection.is_alone() {
            json!({ "running": false, "why_it_matters": NO_DAEMON })
        } else {
            let daemon = connection.call("daemon", json!({})).await?;
            json!({ "running": true, "pid": daemon.get("pid"), "version": daemon.get("version") })
        };
        if connection.is_alone() {
            let blocked = blocked(&connection).await?;
            let waiting = status.get_mut("waiting").and_then(Value::as_array_mut);
            for message in waiting.into_iter().flatten().filter_map(Value::as_object_mut) {
                let contact = message.get("contact").and_then(Value::as_str);
                // A daemon would not send that either.
                if !contact.is_some_and(|contact| blocked.contains(contact)) {
                    message.insert("why".to_owned(), NOBODY_SENDS.into());
                }
            }
        }
        if let Value::Object(status) = &mut status {
            status.insert("profile".to_owned(), common.profile.clone().into());
            status.insert("daemon".to_owned(), daemon);
        }
        Ok::<_, Failure>(status)
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, |status| human(status, args.network))?;
    Ok(Ended::Well)
}

/// The names of the contacts that the user has blocked.
async fn blocked(connection: &Connection) -> Result<BTreeSet<String>, Failure> {
    let contacts = connection.call("contacts", json!({})).await?;
    let contacts: Vec<ContactView> = serde_json::from_value(contacts)
        .map_err(|error| Failure::new("internal", format!("the contacts cannot be read: {error}")))?;
    Ok(contacts.into_iter().filter(|contact| contact.blocked).map(|contact| contact.name).collect())
}

fn human(status: &Value, is_network: bool) -> String {
    let pid = status.pointer("/daemon/pid").and_then(Value::as_u64);
    let profile = status.get("profile").and_then(Value::as_str).unwrap_or_default();
    let mut out = format!("Profile     {}\n", escape::line(profile));
    let mut row = |name: &str, text: &str| {
        // Writing to a string does not fail.
        let _written = writeln!(out, "{name:<11} {text}");
    };
    match pid {
        Some(pid) => row("Daemon", &format!("running (process {pid})")),
        None => row("Daemon", NO_DAEMON),
    }
    if is_network {
        network::describe(status, pid.is_some(), &mut row);
        return out.trim_end().to_owned();
    }
    let is_locked = status.get("locked").and_then(Value::as_bool) == Some(true);
    match status.get("locks_at_ms").and_then(Value::as_u64) {
        _ if is_locked => row("Locked", LOCKED),
        Some(at_ms) => row("Locks", &format!("by itself at {} unless a command comes", when::utc(at_ms))),
        None => {}
    }
    let Ok(view) = serde_json::from_value::<StatusView>(status.clone()) else {
        row("Status", "not readable by this version of sotto");
        return out.trim_end().to_owned();
    };
    row("Route", &format!("{}: {}", view.plan, view.plan.wanted().protects()));
    if pid.is_some() {
        describe_network(&view, &mut row);
        describe_tor(status, &mut row);
    }
    if view.waiting.is_empty() && !is_locked {
        row("Waiting", "nothing: the mailboxes have every message");
    }
    for waiting in &view.waiting {
        let what = if waiting.message.is_some() { "message to" } else { "keys for" };
        let contact = name::with_trust(&waiting.contact, waiting.trust);
        row(
            "Waiting",
            &format!(
                "{what} {contact} [{}]: {}, {}{}",
                waiting.route,
                waiting.state.label(),
                escape::line(&waiting.why),
                waiting
                    .expected_ms
                    .map(|ms| format!("; stored in about {}", when::span(ms)))
                    .unwrap_or_default()
            ),
        );
    }
    for undelivered in &view.undelivered {
        row("Unconfirmed", &describe_undelivered(undelivered));
    }
    if !view.store_working {
        row("Vault", "cannot be written; nothing is lost that was told, and it is tried again and again");
    }
    for trouble in status.get("troubles").and_then(Value::as_array).into_iter().flatten() {
        let field = |name: &str| escape::line(trouble.get(name).and_then(Value::as_str).unwrap_or_default());
        let route = trouble.get("route").and_then(Value::as_str);
        let route = route.map(|route| format!(" of {}", escape::line(route))).unwrap_or_default();
        row("Trouble", &format!("{}{route}: {} [{}]", field("part"), field("text"), field("label")));
    }
    out.trim_end().to_owned()
}

/// What the mailboxes have for a contact that has not confirmed it.
fn describe_undelivered(view: &UndeliveredView) -> String {
    let contact = name::with_trust(&view.contact, view.trust);
    let count = match view.messages {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    };
    let heard = match view.heard_ms {
        Some(at_ms) => format!("last heard of at {}", when::utc(at_ms)),
        None => "never heard of".to_owned(),
    };
    let expected = view.expected_ms.map(|ms| format!(", within about {} while connected", when::span(ms)));
    format!(
        "{count} to {contact}: stored at the mailboxes, which keep the oldest until {}; {contact} ({heard}) confirms them by \
         receipts, if it sends any{}",
        when::utc(view.kept_until_ms),
        expected.unwrap_or_default()
    )
}

/// The network's name and how it stands with its consensus.
pub(super) fn describe_consensus(network: Option<&str>, epoch: Option<u64>, state: ConsensusState) -> String {
    let consensus = match state {
        ConsensusState::Missing => "no consensus yet",
        ConsensusState::NotYet => "its consensus is not valid yet: is this computer's clock slow?",
        ConsensusState::Fresh => "its consensus is fresh",
        ConsensusState::Grace => "its consensus has run out and is used until a newer one comes",
        ConsensusState::Expired => "its consensus has run out: no packets until a newer one comes",
    };
    let network = escape::line(network.unwrap_or("not known yet"));
    let epoch = epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
    format!("{network}{epoch}: {consensus}")
}

fn describe_network(view: &StatusView, row: &mut impl FnMut(&str, &str)) {
    row("Network", &describe_consensus(view.network.as_deref(), view.epoch, view.consensus));
    for route in view.routes.iter().filter(|route| route.state != RouteState::NotWanted) {
        row(route.route.label(), &describe_route(route, &view.class));
    }
    let counters = &view.counters;
    row(
        "Loops",
        &format!(
            "{} sent, {} returned, {} lost",
            counters.sent_loop, counters.loops_returned, counters.loops_lost
        ),
    );
}

/// One route that is wanted.
fn describe_route(route: &RouteView, class: &str) -> String {
    let entry = || route.entry.as_deref().unwrap_or("none").chars().take(8).collect::<String>();
    let mut out = match (route.state, route.route.uses_entry()) {
        (RouteState::Connected, true) => format!("connected to entry {}", escape::line(&entry())),
        (RouteState::Connected, false) => match route.circuits {
            1 => "ready, 1 circuit in use".to_owned(),
            circuits => format!("ready, {circuits} circuits in use"),
        },
        (RouteState::Disconnected | RouteState::NotWanted, _) => {
            let why = route.why.as_deref().unwrap_or("the first attempt is under way");
            format!("not connected since {}: {}", when::utc(route.since_ms), escape::line(why))
        }
    };
    if let Some(rtt_ms) = route.rtt_ms.filter(|_| route.state == RouteState::Connected) {
        // Writing to a string does not fail.
        let _written = write!(out, ", {rtt_ms} ms to a mailbox and back");
    }
    let Some(cover) = route.cover.as_ref().filter(|cover| cover.running) else {
        out.push_str("; no cover runs");
        return out;
    };
    let _written = write!(
        out,
        "; cover {}: on average a packet every {} ms",
        escape::line(class),
        cover.payload_interval_ms_mean
    );
    for (what, interval) in [("loop", cover.loop_interval_ms_mean), ("drop", cover.drop_interval_ms_mean)] {
        if let Some(interval_ms) = interval {
            let _written = write!(out, ", a {what} every {interval_ms} ms");
        }
    }
    if !cover.decoys {
        out.push_str(" while there is something to send or ask for");
    }
    out
}

/// How far Tor is, if it was started.
fn describe_tor(status: &Value, row: &mut impl FnMut(&str, &str)) {
    let Some(tor) = status.get("tor").filter(|tor| tor.is_object()) else { return };
    let field = |name: &str| escape::line(tor.get(name).and_then(Value::as_str).unwrap_or_default());
    let percent = tor.get("percent").and_then(Value::as_u64).unwrap_or_default();
    row("Tor", &format!("{}, {percent} %: {}", field("stage"), field("summary")));
}
