//! What tests with real processes share: waiting, meeting, talking, and what to print when nothing came of it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_simulations::localnet::Person;
use sotto_transport::clock::Clock;

/// How long anything may take that has to happen.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(90);

/// Waits for something that another process brings about; panics with what these people's programs say if it does
/// not come.
pub(crate) async fn wait<T, F: Future<Output = Option<T>>>(
    people: &[&Person],
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let clock = Clock::system();
    let deadline = clock.now() + WAIT_MAX;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        if clock.now() > deadline {
            let mut text = format!("nothing came of it in {WAIT_MAX:?}: {what}");
            for person in people {
                let status = person.call("status", json!({})).await;
                let log = std::fs::read_to_string(person.log()).unwrap_or_default();
                text += &format!("\n{}: {status:?}\nlog of {}: {log}", person.name(), person.name());
            }
            panic!("{text}");
        }
        clock.sleep_until(clock.now() + Duration::from_millis(50)).await;
    }
}

/// The first invites the second, and both know that they know each other.
pub(crate) async fn meet(first: &Person, second: &Person) {
    let invited = first.call("invite", json!({ "name": second.name() })).await.unwrap();
    second.call("accept", json!({ "name": first.name(), "link": invited["link"] })).await.unwrap();
    for (one, other) in [(first, second), (second, first)] {
        wait(&[first, second], "the invitation", || async {
            (contact(one, other.name()).await?["state"] == "established").then_some(())
        })
        .await;
    }
}

/// What a person's program says of a contact.
pub(crate) async fn contact(person: &Person, name: &str) -> Option<Value> {
    let contacts = person.call("contacts", json!({})).await.ok()?;
    contacts.as_array()?.iter().find(|contact| contact["name"] == name).cloned()
}

/// What a person's program says of one of its routes.
pub(crate) async fn route(person: &Person, name: &str) -> Option<Value> {
    let status = person.call("status", json!({})).await.ok()?;
    status["routes"].as_array()?.iter().find(|route| route["route"] == name).cloned()
}

pub(crate) async fn send(from: &Person, to: &str, text: &str) {
    from.call("send", json!({ "contact": to, "text": text })).await.unwrap();
}

/// The texts that a person has received from a contact, in order.
pub(crate) async fn received(person: &Person, contact: &str) -> Option<Vec<String>> {
    let answer = person.call("messages", json!({ "contact": contact })).await.ok()?;
    let texts = answer["messages"].as_array()?.iter().filter(|message| message["direction"] == "in");
    Some(texts.map(|message| message["text"].as_str().unwrap().to_owned()).collect())
}

/// Waits until a person has received exactly these texts from a contact, in this order.
pub(crate) async fn wait_received(people: &[&Person], person: &Person, contact: &str, expected: &[String]) {
    let what = format!("messages of {contact} to {}", person.name());
    wait(people, &what, || async {
        let texts = received(person, contact).await?;
        assert!(texts.len() <= expected.len(), "{} got too much: {texts:?}", person.name());
        (texts.len() == expected.len()).then_some(())
    })
    .await;
    assert_eq!(received(person, contact).await.unwrap(), expected);
}
