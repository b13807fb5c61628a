//! What the network agrees on beside its nodes: delays, epochs and the rates of cover traffic.
//!
//! The units are the last word of each name. All intervals are means of exponential distributions.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::DocumentRefusal;
use super::address::is_name;
use crate::codec;
use crate::limits::{CLASSES_MAX, EPOCH_KEYS_MAX};

/// The longest that a node may be asked to hold a packet.
const DELAY_MS_LIMIT: u32 = 10 * 60 * 1000;
/// The longest mean interval of any cover process.
const INTERVAL_MS_LIMIT: u32 = 60 * 60 * 1000;
/// The lengths that an epoch can have, in seconds: up to seven days.
pub(super) const EPOCH_S: RangeInclusive<u32> = 10..=7 * 24 * 60 * 60;
/// More copies of a box than this serve nobody.
const REPLICAS_LIMIT: u8 = 8;

/// The parameters of a network. `Default` is what a production network starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Mean delay of a packet at one hop.
    pub delay_ms_mean: u32,
    /// The longest delay at one hop; a packet that asks for more is held this long.
    pub delay_ms_max: u32,
    /// The length of an epoch.
    pub epoch_s: u32,
    /// How long after its epoch a consensus may still be used when there is no newer one.
    pub grace_s: u32,
    /// Mean interval between the loops that a mix sends to itself.
    pub mix_loop_interval_ms_mean: u32,
    /// Mean interval between dummies on each link from node to node.
    pub link_dummy_interval_ms_mean: u32,
    /// Mailboxes that hold a copy of each box (all of them if there are fewer).
    pub replicas: u8,
    /// The cover classes that clients can choose from; the first one is the default.
    #[serde(deserialize_with = "codec::list")]
    pub classes: Vec<CoverClass>,
}

/// The rates that every client of a class keeps, whether its user is active or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverClass {
    /// What people call the class.
    #[serde(deserialize_with = "codec::text")]
    pub name: String,
    /// Mean interval between packets that carry a command, real or decoy.
    pub payload_interval_ms_mean: u32,
    /// Mean interval between loops, by which the client watches the network.
    pub loop_interval_ms_mean: u32,
    /// Mean interval between packets that a mailbox throws away.
    pub drop_interval_ms_mean: u32,
    /// Mean interval between frames from the entry to the client.
    pub downlink_interval_ms_mean: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            delay_ms_mean: 200,
            delay_ms_max: 10_000,
            epoch_s: 3600,
            grace_s: 3600,
            mix_loop_interval_ms_mean: 10_000,
            link_dummy_interval_ms_mean: 1000,
            replicas: 2,
            classes: vec![
                CoverClass {
                    name: "standard".to_owned(),
                    payload_interval_ms_mean: 1000,
                    loop_interval_ms_mean: 5000,
                    drop_interval_ms_mean: 5000,
                    downlink_interval_ms_mean: 500,
                },
                CoverClass {
                    name: "frugal".to_owned(),
                    payload_interval_ms_mean: 5000,
                    loop_interval_ms_mean: 30_000,
                    drop_interval_ms_mean: 30_000,
                    downlink_interval_ms_mean: 2500,
                },
            ],
        }
    }
}

impl Params {
    /// Checks every parameter's range and how they fit together.
    ///
    /// # Errors
    /// [`DocumentRefusal::ParameterOutOfRange`] or [`DocumentRefusal::Text`], for the first that does not.
    pub fn validate(&self) -> Result<(), DocumentRefusal> {
        require(
            (1..=DELAY_MS_LIMIT).contains(&self.delay_ms_max),
            "delay_ms_max",
            "1 to 600000, ten minutes",
        )?;
        require(self.delay_ms_mean <= self.delay_ms_max, "delay_ms_mean", "at most delay_ms_max")?;
        require(EPOCH_S.contains(&self.epoch_s), "epoch_s", "10 to 604800, seven days")?;
        // The last key that a consensus can carry is for the third epoch after its own.
        let grace_epochs_max = u32::try_from(EPOCH_KEYS_MAX - 1).unwrap_or(0);
        require(
            self.grace_s <= self.epoch_s.saturating_mul(grace_epochs_max),
            "grace_s",
            "at most three times epoch_s, as far as keys are announced ahead",
        )?;
        interval(self.mix_loop_interval_ms_mean, "mix_loop_interval_ms_mean")?;
        interval(self.link_dummy_interval_ms_mean, "link_dummy_interval_ms_mean")?;
        require((1..=REPLICAS_LIMIT).contains(&self.replicas), "replicas", "1 to 8")?;
        require((1..=CLASSES_MAX).contains(&self.classes.len()), "classes", "1 to 8 classes")?;
        for (index, class) in self.classes.iter().enumerate() {
            class.validate()?;
            let first = self.classes.iter().position(|other| other.name == class.name);
            require(first == Some(index), "classes", "classes of different names")?;
        }
        Ok(())
    }
}

impl CoverClass {
    fn validate(&self) -> Result<(), DocumentRefusal> {
        if !is_name(&self.name) {
            return Err(DocumentRefusal::Text { field: "name of a cover class" });
        }
        interval(self.payload_interval_ms_mean, "payload_interval_ms_mean")?;
        interval(self.loop_interval_ms_mean, "loop_interval_ms_mean")?;
        interval(self.drop_interval_ms_mean, "drop_interval_ms_mean")?;
        interval(self.downlink_interval_ms_mean, "downlink_interval_ms_mean")?;
        // A queue that is served no faster than it fills grows without end: 1/downlink > 1/payload + 1/loop.
        let [payload, looped, downlink] =
            [self.payload_interval_ms_mean, self.loop_interval_ms_mean, self.downlink_interval_ms_mean]
                .map(u64::from);
        require(
            downlink * (payload + looped) < payload * looped,
            "downlink_interval_ms_mean",
            "a downlink faster than the replies to payload packets and loops together",
        )
    }
}

fn require(holds: bool, name: &'static str, expected: &'static str) -> Result<(), DocumentRefusal> {
    if holds { Ok(()) } else { Err(DocumentRefusal::ParameterOutOfRange { name, expected }) }
}

fn interval(ms: u32, name: &'static str) -> Result<(), DocumentRefusal> {
    require((1..=INTERVAL_MS_LIMIT).contains(&ms), name, "1 to 3600000, one hour")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(spoil: impl FnOnce(&mut Params)) -> &'static str {
        let mut params = Params::default();
        spoil(&mut params);
        match params.validate() {
            Err(DocumentRefusal::ParameterOutOfRange { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_and_a_network_without_delays_are_valid() {
        assert_eq!(Params::default().validate(), Ok(()));
        assert_eq!(Params { delay_ms_mean: 0, delay_ms_max: 1, ..Params::default() }.validate(), Ok(()));
    }

    #[test]
    fn delays_have_bounds() {
        assert_eq!(refused(|p| p.delay_ms_max = 0), "delay_ms_max");
        assert_eq!(refused(|p| p.delay_ms_max = 600_001), "delay_ms_max");
        assert_eq!(refused(|p| p.delay_ms_mean = p.delay_ms_max + 1), "delay_ms_mean");
    }

    #[test]
    fn epochs_and_grace_have_bounds() {
        assert_eq!(refused(|p| p.epoch_s = 9), "epoch_s");
        assert_eq!(refused(|p| p.epoch_s = 604_801), "epoch_s");
        assert_eq!(refused(|p| p.grace_s = 3 * p.epoch_s + 1), "grace_s");
    }

    #[test]
    fn intervals_have_bounds() {
        for ms in [0, 3_600_001, u32::MAX] {
            assert_eq!(refused(|p| p.mix_loop_interval_ms_mean = ms), "mix_loop_interval_ms_mean");
            assert_eq!(refused(|p| p.link_dummy_interval_ms_mean = ms), "link_dummy_interval_ms_mean");
            assert_eq!(refused(|p| p.classes[0].payload_interval_ms_mean = ms), "payload_interval_ms_mean");
            assert_eq!(refused(|p| p.classes[0].loop_interval_ms_mean = ms), "loop_interval_ms_mean");
            assert_eq!(refused(|p| p.classes[0].drop_interval_ms_mean = ms), "drop_interval_ms_mean");
            assert_eq!(refused(|p| p.classes[0].downlink_interval_ms_mean = ms), "downlink_interval_ms_mean");
        }
    }

    #[test]
    fn replicas_have_bounds() {
        assert_eq!(refused(|p| p.replicas = 0), "replicas");
        assert_eq!(refused(|p| p.replicas = 9), "replicas");
    }

    #[test]
    fn a_downlink_that_cannot_carry_the_replies_is_refused() {
        // Replies come at 1/1000 + 1/5000 per ms, so the downlink's mean interval must be under 833.3 ms.
        let with = |ms: u32| {
            let mut params = Params::default();
            params.classes[0].downlink_interval_ms_mean = ms;
            params.validate().is_ok()
        };
        assert!(with(833));
        assert!(!with(834));
    }

    #[test]
    fn there_are_one_to_eight_classes_of_different_names() {
        assert_eq!(refused(|p| p.classes.clear()), "classes");
        assert_eq!(refused(|p| p.classes[1].name = p.classes[0].name.clone()), "classes");
        let many = |count: usize| {
            let class = &Params::default().classes[0];
            let classes =
                (0..count).map(|i| CoverClass { name: format!("class-{i}"), ..class.clone() }).collect();
            Params { classes, ..Params::default() }.validate().is_ok()
        };
        assert!(many(CLASSES_MAX));
        assert!(!many(CLASSES_MAX + 1));
    }

    #[test]
    fn a_class_has_a_proper_name() {
        let mut params = Params::default();
        params.classes[0].name = "Standard!".to_owned();
        assert_eq!(params.validate().unwrap_err().label(), "text");
    }

    #[test]
    fn a_configuration_file_may_leave_out_what_it_does_not_change_but_not_invent() {
        let params: Params = serde_json::from_str(r#"{"delay_ms_mean": 20}"#).unwrap();
        assert_eq!(params, Params { delay_ms_mean: 20, ..Params::default() });
        assert!(serde_json::from_str::<Params>(r#"{"delay_ms_men": 20}"#).is_err());
    }
}
