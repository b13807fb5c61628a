//! `sotto route`: shows and changes the ways that packets take.

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Common, Ended, escape, name};
use crate::core::{Route, RoutePlan, Trust};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Show or change the route that packets take to the mailboxes.
///
/// mix: by TCP to an entry, then through the mixes. tor+mix: to the entry's onion service by Tor, then through the
/// mixes. tor: to the mailbox's onion service by Tor, without mixes; faster and weaker.
///
/// A route that fails is not replaced by another one, unless you allow it with --fallback: messages wait, and
/// `sotto status` says why. A change counts at once.
#[derive(Args, Debug)]
pub(super) struct RouteArgs {
    /// The route to take: mix, tor+mix or tor. Without it the routes are shown.
    route: Option<Route>,
    /// A route that may be taken while that one fails. Several are tried in their order.
    #[arg(long, value_name = "ROUTE", requires = "route")]
    fallback: Vec<Route>,
    /// Only for the conversation with this person.
    #[arg(long, value_name = "NAME")]
    contact: Option<String>,
    /// Go back to the profile's routes with this person.
    #[arg(long, requires = "contact", conflicts_with = "route")]
    default: bool,
}

/// A row of the answer to `route`.
#[derive(Deserialize)]
struct Row {
    contact: String,
    trust: Trust,
    routes: RoutePlan,
    own: bool,
    route: Route,
    protects: String,
}

pub(super) async fn run(common: &Common, args: &RouteArgs) -> Result<Ended, Failure> {
    let plan = args.route.map(|route| RoutePlan::new(route, &args.fallback)).transpose()?;
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let before = connection.call("route", json!({ "contact": args.contact })).await?;
        if plan.is_none() && !args.default {
            return Ok((before.clone(), before));
        }
        let after = connection.call("set-route", json!({ "contact": args.contact, "routes": plan })).await?;
        Ok::<_, Failure>((before, after))
    }
    .await;
    connection.close().await;
    let (before, after) = outcome?;
    common.output().result(&after, |after| human(&before, after))?;
    Ok(Ended::Well)
}

fn human(before: &Value, after: &Value) -> String {
    let plan_of = |value: &Value| {
        value.get("routes").and_then(|routes| serde_json::from_value::<RoutePlan>(routes.clone()).ok())
    };
    let (Some(old), Some(plan)) = (plan_of(before), plan_of(after)) else {
        return "not readable by this version of sotto".to_owned();
    };
    let mut lines = Vec::new();
    match serde_json::from_value::<Row>(after.clone()) {
        Ok(row) => describe(&mut lines, &row),
        Err(_) => {
            lines.push(format!("This profile: {plan}"));
            lines.push(format!("    {}", plan.wanted().protects()));
            let rows = after.get("contacts").cloned().unwrap_or_default();
            for row in serde_json::from_value::<Vec<Row>>(rows).unwrap_or_default() {
                if row.own || row.route != row.routes.wanted() {
                    describe(&mut lines, &row);
                }
            }
        }
    }
    if old.wanted() != plan.wanted()
        && let Some(lost) = gives_up(old.wanted(), plan.wanted())
    {
        lines.push(format!("Weaker than {} was: {lost}.", old.wanted()));
    }
    lines.extend(fallback_notes(&plan));
    lines.join("\n")
}

fn describe(lines: &mut Vec<String>, row: &Row) {
    let whose = if row.own { "its own" } else { "the profile's" };
    let at_present =
        if row.route == row.routes.wanted() { String::new() } else { format!("; {} at present", row.route) };
    lines.push(format!(
        "{}: {} ({whose}){at_present}",
        name::with_trust(&row.contact, row.trust),
        row.routes
    ));
    lines.push(format!("    {}", escape::line(&row.protects)));
}

/// What a plan's fallbacks give up while they are taken.
pub(super) fn fallback_notes(plan: &RoutePlan) -> Vec<String> {
    let note = |route: &Route| {
        let lost = gives_up(plan.wanted(), *route)?;
        Some(format!("While {} fails, {route} may be taken instead. That is weaker: {lost}.", plan.wanted()))
    };
    plan.fallbacks().iter().filter_map(note).collect()
}

/// What somebody gives up who takes `to` in the place of `from`, if anything.
pub(super) const fn gives_up(from: Route, to: Route) -> Option<&'static str> {
    match (from, to) {
        (Route::TorMix | Route::Tor, Route::Mix) => {
            Some("the entry sees this computer's address, and your internet provider sees that you use Sotto")
        }
        (Route::TorMix | Route::Mix, Route::Tor) => Some(
            "there are no mixes, so whoever watches your line and a mailbox's can match times, and a mailbox links \
             what it sees within minutes",
        ),
        (_, Route::TorMix) | (Route::Mix, Route::Mix) | (Route::Tor, Route::Tor) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(own: bool, routes: &[Route], route: Route) -> Value {
        let plan = RoutePlan::from_routes(routes).unwrap();
        json!({ "contact": "Bob\u{202e}", "trust": "unverified", "routes": plan, "own": own, "route": route, "protects": "a; b" })
    }

    #[test]
    fn a_weaker_choice_is_shown_with_what_it_gives_up() {
        let plan =
            |routes: &[Route]| json!({ "routes": RoutePlan::from_routes(routes).unwrap(), "contacts": [] });
        let said = human(&plan(&[Route::TorMix]), &plan(&[Route::Mix, Route::Tor]));
        assert!(said.contains("This profile: mix, then tor"), "{said}");
        assert!(said.contains(Route::Mix.protects()), "{said}");
        assert!(said.contains("Weaker than tor+mix was: the entry sees"), "{said}");
        assert!(
            said.contains("While mix fails, tor may be taken instead. That is weaker: there are no mixes"),
            "{said}"
        );
        let stronger = human(&plan(&[Route::Mix]), &plan(&[Route::TorMix]));
        assert!(!stronger.contains("eaker"), "{stronger}");
    }

    #[test]
    fn a_contact_is_shown_with_its_plan_and_the_route_in_use() {
        let row = contact(true, &[Route::TorMix, Route::Tor], Route::Tor);
        let said = human(&row, &row);
        assert!(
            said.starts_with(
                "Bob<U+202E> (unverified): tor+mix, then tor (its own); tor at present\n    a; b"
            ),
            "{said}"
        );
        let profile = json!({
            "routes": ["tor+mix"],
            "protects": "",
            "contacts": [contact(false, &[Route::TorMix], Route::TorMix)],
        });
        let said = human(&profile, &profile);
        assert!(!said.contains("Bob"), "who has nothing of its own is not listed: {said}");
    }

    #[test]
    fn only_a_change_to_something_weaker_gives_anything_up() {
        for route in Route::ALL {
            assert_eq!(gives_up(route, route), None);
            assert_eq!(gives_up(route, Route::TorMix), None);
        }
        assert_ne!(gives_up(Route::Mix, Route::Tor), gives_up(Route::Tor, Route::Mix));
    }
}
