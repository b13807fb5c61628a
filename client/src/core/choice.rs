//! Which of the routes that a user allows serves a contact: the first that works, and none that is not allowed.
//!
//! A route is given [`super::limits::FALLBACK_PATIENCE`] before the next one is tried at all; it is taken again at
//! once when it works. What "works" means is the lanes' business.

use super::route::{Route, RoutePlan};

/// How a route stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fitness {
    /// Packets can go by it.
    Works,
    /// They cannot, and patience is not at its end.
    Tried,
    /// They could not for too long.
    Failed,
}

/// The routes of a plan that are to run: all up to the first that has not failed.
pub(crate) fn candidates(plan: &RoutePlan, fitness: impl Fn(Route) -> Fitness) -> Vec<Route> {
    let mut candidates = Vec::new();
    for route in plan.routes() {
        candidates.push(route);
        if fitness(route) != Fitness::Failed {
            break;
        }
    }
    candidates
}

/// The route that serves a contact: the first of its plan that works. While none does, the one that served it
/// last if it still may, else the wanted one: a contact changes its route for one that works, not for another one
/// to be tried.
pub(crate) fn choose(plan: &RoutePlan, in_use: Option<Route>, fitness: impl Fn(Route) -> Fitness) -> Route {
    let candidates = candidates(plan, &fitness);
    candidates
        .last()
        .copied()
        .filter(|last| fitness(*last) == Fitness::Works)
        .or(in_use.filter(|route| candidates.contains(route)))
        .unwrap_or(plan.wanted())
}

#[cfg(test)]
mod tests {
    use super::Fitness::{Failed, Tried, Works};
    use super::*;

    /// The candidates and the choice when mix, tor+mix and tor stand like this.
    fn outcome(plan: &[Route], in_use: Option<Route>, fitness: [Fitness; 3]) -> (usize, Route) {
        let plan = RoutePlan::from_routes(plan).unwrap();
        let of = |route: Route| match route {
            Route::Mix => fitness[0],
            Route::TorMix => fitness[1],
            Route::Tor => fitness[2],
        };
        (candidates(&plan, of).len(), choose(&plan, in_use, of))
    }

    #[test]
    fn the_first_route_that_works_is_taken_and_later_ones_only_after_failure() {
        use Route::{Mix, Tor, TorMix};
        let all = [Mix, TorMix, Tor];
        for (in_use, fitness, expected) in [
            (None, [Works, Works, Works], (1, Mix)),
            (None, [Tried, Works, Works], (1, Mix)),
            (Some(Mix), [Failed, Tried, Works], (2, Mix)),
            (Some(Mix), [Failed, Works, Works], (2, TorMix)),
            (Some(TorMix), [Failed, Tried, Works], (2, TorMix)),
            (Some(TorMix), [Failed, Failed, Works], (3, Tor)),
            (Some(TorMix), [Failed, Failed, Tried], (3, TorMix)),
            (Some(Tor), [Failed, Failed, Failed], (3, Tor)),
            (Some(Tor), [Works, Failed, Works], (1, Mix)),
            (Some(Tor), [Tried, Works, Works], (1, Mix)),
        ] {
            assert_eq!(outcome(&all, in_use, fitness), expected, "{in_use:?} {fitness:?}");
        }
    }

    #[test]
    fn a_route_that_is_not_allowed_is_never_taken() {
        for mix in [Works, Tried, Failed] {
            for in_use in [None, Some(Route::Mix), Some(Route::Tor)] {
                assert_eq!(outcome(&[Route::Mix], in_use, [mix, Works, Works]), (1, Route::Mix));
                let (_, chosen) = outcome(&[Route::Mix, Route::TorMix], in_use, [mix, Works, Works]);
                assert_ne!(chosen, Route::Tor);
            }
        }
    }
}
