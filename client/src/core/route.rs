//! The ways by which a client's packets reach the mailboxes, and which of them a user allows.
//!
//! What a route is, in words and by name. What runs on it is in `lane`, which one a contact is served by at
//! a moment in `choice`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One way to the mailboxes. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Route {
    /// TCP to an entry, then the mixes.
    Mix = 1,
    /// The onion service of an entry, then the mixes.
    TorMix = 2,
    /// The onion service of a mailbox; no mixes.
    Tor = 3,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mix, Self::TorMix, Self::Tor];

    /// The stable name, as in settings and JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::TorMix => "tor+mix",
            Self::Tor => "tor",
        }
    }

    /// One line for people: what the route protects from, and what not.
    #[must_use]
    pub const fn protects(self) -> &'static str {
        match self {
            Self::Mix => {
                "mixes and cover traffic hide whom you write to and when, from mailboxes and from watchers of the \
                 network; your internet provider sees that you use Sotto, and the entry sees your address"
            }
            Self::TorMix => {
                "mixes and cover traffic hide whom you write to and when, and the entry does not learn your address; \
                 your internet provider sees that you use Tor, and when you are online"
            }
            Self::Tor => {
                "Tor hides your address from mailboxes and the mailboxes from your internet provider; no mixes: \
                 whoever watches your line and a mailbox's matches times, and a mailbox links what it sees within \
                 minutes"
            }
        }
    }

    /// Whether Tor has to run for it.
    #[must_use]
    pub const fn uses_tor(self) -> bool {
        matches!(self, Self::TorMix | Self::Tor)
    }

    /// Whether it leads over an entry and the mixes.
    #[must_use]
    pub const fn uses_entry(self) -> bool {
        matches!(self, Self::Mix | Self::TorMix)
    }

    /// The number on disk.
    const fn number(self) -> u8 {
        self as u8
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.number() == number)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why a text or a list of routes cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RoutePlanError {
    /// No route has this name.
    #[error("there is no route {0:?}; the routes are `mix`, `tor+mix` and `tor`")]
    Unknown(String),
    /// A plan without a route.
    #[error("name at least one route: `mix`, `tor+mix` or `tor`")]
    Empty,
    /// A plan that names a route twice.
    #[error("the route {0} is named twice; name each route once, the wanted one first")]
    Repeated(Route),
}

impl RoutePlanError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "route-unknown",
            Self::Empty => "route-plan-empty",
            Self::Repeated(_) => "route-plan-repeated",
        }
    }
}

impl FromStr for Route {
    type Err = RoutePlanError;

    fn from_str(text: &str) -> Result<Self, RoutePlanError> {
        Self::ALL
            .into_iter()
            .find(|route| route.label() == text)
            .ok_or_else(|| RoutePlanError::Unknown(text.to_owned()))
    }
}

// Text for people and JSON, a number in records.
impl Serialize for Route {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.label())
        } else {
            self.number().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            let number = u8::deserialize(deserializer)?;
            Self::from_number(number)
                .ok_or_else(|| D::Error::custom(format!("no route has the number {number}")))
        }
    }
}

/// The wanted route first, then those that may be taken while it fails, in order: 1 to 3, each once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoutePlan {
    wanted: Route,
    fallbacks: Vec<Route>,
}

impl RoutePlan {
    /// A route, and the routes that are allowed while it fails.
    ///
    /// # Errors
    /// [`RoutePlanError::Repeated`] if one is named twice.
    pub fn new(wanted: Route, fallbacks: &[Route]) -> Result<Self, RoutePlanError> {
        let plan = Self { wanted, fallbacks: fallbacks.to_vec() };
        // As there are three routes, a plan that names none twice has three at most.
        for (at, route) in plan.routes().enumerate() {
            if plan.routes().take(at).any(|earlier| earlier == route) {
                return Err(RoutePlanError::Repeated(route));
            }
        }
        Ok(plan)
    }

    /// This route and no other.
    #[must_use]
    pub const fn only(wanted: Route) -> Self {
        Self { wanted, fallbacks: Vec::new() }
    }

    /// From a list, the wanted one first.
    ///
    /// # Errors
    /// [`RoutePlanError::Empty`] or [`RoutePlanError::Repeated`].
    pub fn from_routes(routes: &[Route]) -> Result<Self, RoutePlanError> {
        let (wanted, fallbacks) = routes.split_first().ok_or(RoutePlanError::Empty)?;
        Self::new(*wanted, fallbacks)
    }

    /// The route that is taken whenever it works.
    #[must_use]
    pub const fn wanted(&self) -> Route {
        self.wanted
    }

    /// The routes that may be taken while it fails, in order.
    #[must_use]
    pub fn fallbacks(&self) -> &[Route] {
        &self.fallbacks
    }

    /// All of them, the wanted one first.
    pub fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        std::iter::once(self.wanted).chain(self.fallbacks.iter().copied())
    }

    /// Whether it names `route`.
    #[must_use]
    pub fn contains(&self, route: Route) -> bool {
        self.routes().any(|named| named == route)
    }
}

impl fmt::Display for RoutePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wanted)?;
        for fallback in &self.fallbacks {
            write!(f, ", then {fallback}")?;
        }
        Ok(())
    }
}

impl Serialize for RoutePlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.routes().collect::<Vec<Route>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RoutePlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_routes(&Vec::<Route>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record;

    #[test]
    fn a_route_is_text_in_json_and_a_number_in_records() {
        for (route, name, number) in
            [(Route::Mix, "mix", 1), (Route::TorMix, "tor+mix", 2), (Route::Tor, "tor", 3)]
        {
            assert_eq!(serde_json::to_string(&route).unwrap(), format!("\"{name}\""));
            assert_eq!(name.parse(), Ok(route));
            let value = record::encode(&route).unwrap();
            assert_eq!(value.as_slice(), [1, number]);
            assert_eq!(record::decode::<Route>(&value), Ok(route));
        }
        assert_eq!(record::decode::<Route>(&[1, 4]).unwrap_err().label(), "store-damaged");
        assert_eq!("tcp".parse::<Route>().unwrap_err().label(), "route-unknown");
    }

    #[test]
    fn a_plan_names_each_route_once_and_the_wanted_one_first() {
        let plan = RoutePlan::new(Route::TorMix, &[Route::Tor]).unwrap();
        assert_eq!(plan.to_string(), "tor+mix, then tor");
        assert_eq!((plan.wanted(), plan.fallbacks()), (Route::TorMix, &[Route::Tor][..]));
        assert!(plan.contains(Route::Tor) && !plan.contains(Route::Mix));
        let all = RoutePlan::from_routes(&Route::ALL).unwrap();
        assert_eq!(all.to_string(), "mix, then tor+mix, then tor");
        assert_eq!(RoutePlan::from_routes(&[]).unwrap_err().label(), "route-plan-empty");
        let twice = RoutePlan::new(Route::Tor, &[Route::Mix, Route::Tor]).unwrap_err();
        assert_eq!(twice, RoutePlanError::Repeated(Route::Tor));
        assert_eq!(twice.label(), "route-plan-repeated");
    }

    #[test]
    fn a_plan_survives_json_and_its_record_and_a_wrong_one_does_not() {
        let plan = RoutePlan::new(Route::Mix, &[Route::Tor]).unwrap();
        assert_eq!(serde_json::to_string(&plan).unwrap(), r#"["mix","tor"]"#);
        assert_eq!(serde_json::from_str::<RoutePlan>(r#"["mix","tor"]"#).unwrap(), plan);
        assert_eq!(record::decode::<RoutePlan>(&record::encode(&plan).unwrap()), Ok(plan));
        for wrong in ["[]", r#"["tor","tor"]"#, r#"["carrier pigeon"]"#] {
            assert!(serde_json::from_str::<RoutePlan>(wrong).is_err(), "{wrong}");
        }
        let twice = record::encode(&vec![Route::Mix, Route::Mix]).unwrap();
        assert!(record::decode::<RoutePlan>(&twice).is_err());
    }

    #[test]
    fn each_route_says_in_one_line_what_it_protects_from() {
        for route in Route::ALL {
            assert!(!route.protects().contains('\n') && route.protects().contains(';'), "{route}");
            assert_eq!(route.uses_tor(), route != Route::Mix);
            assert_eq!(route.uses_entry(), route != Route::Tor);
        }
    }
}
