//! What the network agrees on beside its nodes: delays, epochs and the rates of cover traffic.
//!
//! The units are the last word of each name. All intervals are means of exponential distributions.

use serde::{Deserialize, Serialize};

use super::DocumentRefusal;
use super::address::is_name;
use crate::codec;
use crate::limits::{CLASSES_MAX, EPOCH_KEYS_MAX};

/// The longest that a node may be asked to hold a packet.
const DELAY_MS_LIMIT: u32 = 10 * 60 * 1000;
/// The longest mean interval of any cover process.
const INTERVAL_MS_LIMIT: u32 = 60 * 60 * 1000;
const EPOCH_S_MIN: u32 = 10;
const EPOCH_S_LIMIT: u32 = 7 * 24 * 60 * 60;
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
        require(
            self.delay_ms_mean <= self.delay_ms_max,
            "delay_ms_mean",
            "at most delay_ms_max",
        )?;
        require(
            (EPOCH_S_MIN..=EPOCH_S_LIMIT).contains(&self.epoch_s),
            "epoch_s",
            "10 to 604800, seven days",
        )?;
        // The last key that a consensus can carry is for the third epoch after its own.
        let grace_epochs_max = u32::try_from(EPOCH_KEYS_MAX - 1).unwrap_or(0);
        require(
            self.grace_s <= self.epoch_s.saturating_mul(grace_epochs_max),
            "grace_s",
            "at most three times epoch_s, as far as keys are announced ahead",
        )?;
        interval(self.mix_loop_interval_ms_mean, "mix_loop_interval_ms_mean")?;
        interval(self.link_dummy_interval_ms_mean, "link_dummy_interval_ms_mean")?;
        require(
            (1..=REPLICAS_LIMIT).contains(&self.replicas),
            "replicas",
            "1 to 8",
        )?;
        require(
            (1..=CLASSES_MAX).contains(&self.classes.len()),
            "classes",
            "1 to 8 classes",
        )?;
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
            return Err(DocumentRefusal::Text {
                field: "name of a cover class",
            });
        }
        interval(self.payload_interval_ms_mean, "payload_interval_ms_mean")?;
        interval(self.loop_interval_ms_mean, "loop_interval_ms_mean")?;
        interval(self.drop_interval_ms_mean, "drop_interval_ms_mean")?;
        interval(self.downlink_interval_ms_mean, "downlink_interval_ms_mean")?;
        // A queue that is served no faster than it fills grows without end: 1/downlink > 1/payload + 1/loop.
        let [payload, looped, downlink] = [
            self.payload_interval_ms_mean,
            self.loop_interval_ms_mean,
            self.downlink_interval_ms_mean,
        ]
        .map(u64::from);
        require(
            downlink * (payload + looped) < payload * looped,
            "downlink_interval_ms_mean",
            "a downlink faster than the replies to payload packets and loops together",
        )
    }
}

fn require(holds: bool, name: &'static str, expected: &'static str) -> Result<(), DocumentRefusal> {
    if holds {
        Ok(())
    } else {
        Err(DocumentRefusal::ParameterOutOfRange { name, expected })
    }
}

fn interval(ms: u32, name: &'static str) -> Result<(), DocumentRefusal> {
    require(
        (1..=INTERVAL_MS_LIMIT).contains(&ms),
        name,
        "1 to 3600000, one hour",
    )
}
