//! What the two people of the demonstration say. What they say of their route is true of it.

use sotto_client::core::Route;

use super::conversation::Speaker;

/// Who speaks, and what.
pub(super) const fn lines(route: Route) -> [(Speaker, &'static str); 16] {
    let about = About::of(route);
    [
        (Speaker::First, "Are you there?"),
        (Speaker::Second, "I am. Who else knows?"),
        (Speaker::First, who_knows(route)),
        (Speaker::Second, "And the mailbox?"),
        (Speaker::First, "It holds a box with a name that will never come again."),
        (Speaker::Second, about.boxes_apart),
        (Speaker::First, about.people_apart),
        (Speaker::Second, "What if somebody counts our packets?"),
        (Speaker::First, about.counting),
        (Speaker::Second, "Grüße aus dem Netz der Mischer! 🦉"),
        (Speaker::First, "Сообщение дошло."),
        (Speaker::Second, "Any size?"),
        (Speaker::First, "Up to 64 kB. It is cut into pieces that all look alike."),
        (Speaker::Second, "Then send me the long one."),
        (Speaker::First, "In a moment. It is 20 kB."),
        (Speaker::Second, "I am waiting."),
    ]
}

/// The lines that differ by route.
struct About {
    boxes_apart: &'static str,
    people_apart: &'static str,
    counting: &'static str,
}

impl About {
    const fn of(route: Route) -> Self {
        match route {
            Route::Mix | Route::TorMix => Self {
                boxes_apart: "So it cannot tell that this box and the last one are ours.",
                people_apart: "Nor that we are two, nor that we are the same two as a minute ago.",
                counting: "They will count as many as when we say nothing.",
            },
            Route::Tor => Self {
                boxes_apart: "So no name tells that this box and the last one are ours.",
                people_apart: "No, but one circuit does, for the minutes that it lasts.",
                counting: "They may see when we write: no cover traffic runs here.",
            },
        }
    }
}

const fn who_knows(route: Route) -> &'static str {
    match route {
        Route::Mix => "Nobody. The entry sees that I am online, not what I do.",
        Route::TorMix => "Nobody. The entry sees somebody online, and not who it is.",
        Route::Tor => "Nobody. My provider sees that I use Tor, not what for.",
    }
}
