//! What is simulated: the network, its users, and who is corrupt; as it is written in plans.
//!
//! Every field has a default, so that a plan names only what it changes. The defaults are Sotto's network parameters of
//! the class `standard` in a small network. Not here: how long and how often it runs, what is attacked, sweeps.

mod behaviour;
mod clients;
mod corruption;
mod links;
mod mixing;
mod network;
mod refusal;

pub use behaviour::{Behaviour, Contacts, Writing};
pub use clients::{ClientClass, Online};
pub use corruption::Corruption;
pub use links::Latency;
pub use mixing::Mixing;
pub use network::{Delivery, Mailboxes, Network, Notice, Route, Topology};
pub use refusal::ScenarioRefusal;
pub(crate) use refusal::within;

use serde::{Deserialize, Serialize};

/// One situation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Nodes and the way of packets.
    pub network: Network,
    /// What a mix does with packets.
    pub mixing: Mixing,
    /// How long packets are on a link.
    pub latency: Latency,
    /// The mailboxes.
    pub mailboxes: Mailboxes,
    /// Clients by their classes.
    pub clients: Vec<ClientClass>,
    /// What users do.
    pub behaviour: Behaviour,
    /// Who belongs to the adversary.
    pub corruption: Corruption,
    /// How long the run is watched, after warming up, in seconds.
    pub duration_s: f64,
    /// How long the network runs before it is watched, in seconds.
    pub warmup_s: f64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            network: Network::default(),
            mixing: Mixing::default(),
            latency: Latency::default(),
            mailboxes: Mailboxes::default(),
            clients: vec![ClientClass::default()],
            behaviour: Behaviour::default(),
            corruption: Corruption::default(),
            duration_s: 600.0,
            warmup_s: 30.0,
        }
    }
}

impl Scenario {
    /// How many clients there are.
    #[must_use]
    pub fn client_count(&self) -> u32 {
        self.clients.iter().map(|class| class.count).fold(0, u32::saturating_add)
    }

    /// Who is who.
    #[must_use]
    pub fn layout(&self) -> crate::party::Layout {
        let mailboxes = match self.network.delivery {
            Delivery::Mailbox => self.mailboxes.count,
            Delivery::Direct => 0,
        };
        crate::party::Layout::new(self.client_count(), self.network.widths(), mailboxes)
    }

    /// The same, but for the name of the file that says who writes to whom: adversaries are not told where the truth is.
    #[must_use]
    pub fn without_edge_list(&self) -> Self {
        let mut public = self.clone();
        if let Writing::EdgeList { file } = &mut public.behaviour.writing {
            file.clear();
        }
        public
    }

    /// Checks every range and how the parts fit together.
    ///
    /// # Errors
    /// The first that is refused, with the name of the field as it stands in a plan and what is allowed.
    pub fn validate(&self) -> Result<(), ScenarioRefusal> {
        self.network.validate()?;
        self.mixing.validate()?;
        self.latency.validate()?;
        self.mailboxes.validate(&self.network)?;
        clients::validate(&self.clients)?;
        self.behaviour.validate(self.client_count())?;
        self.corruption.validate(&self.layout())?;
        within("duration_s", self.duration_s, 0.001..=3.2e9)?;
        within("warmup_s", self.warmup_s, 0.0..=3.2e9)
    }
}
